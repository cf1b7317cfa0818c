import { Body, Controller, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { Allow, Caller, PageQuery, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { DeliveriesService } from './deliveries.service.js';

const DeliveryQuery = PageQuery.extend({
  state: z.enum(['pending', 'leased', 'accepted', 'rejected', 'failed', 'unresolved']).optional(),
  contract: z.string().max(200).optional(),
  lead: z.string().max(200).optional(),
  deliveryMethod: z.string().max(200).optional(),
});
type DeliveryQuery = z.infer<typeof DeliveryQuery>;

const Settlement = z.strictObject({
  outcome: z.enum(['accepted', 'rejected']).describe('What the client says on being asked.'),
  reason: z.string().min(1).max(200).optional(),
});
type Settlement = z.infer<typeof Settlement>;

/** Deliveries, the newest first, each with every attempt that was made. */
@Controller('/v1/deliveries')
@Allow('admin')
export class DeliveriesController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Get()
  list(@Caller() caller: Principal, @Query({ schema: DeliveryQuery }) { limit, cursor, ...filters }: DeliveryQuery) {
    return this.deliveries.list(caller, { limit, cursor }, filters);
  }

  @Get(':id')
  one(@Caller() caller: Principal, @Param('id') id: string) {
    return this.deliveries.one(caller, id);
  }

  @Post(':id/settle')
  @HttpCode(200)
  settle(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: Settlement }) { outcome, reason }: Settlement) {
    return this.deliveries.settle(caller, id, outcome, reason);
  }

  @Post(':id/redrive')
  @HttpCode(202)
  redrive(@Caller() caller: Principal, @Param('id') id: string) {
    return this.deliveries.redrive(caller, id);
  }
}
