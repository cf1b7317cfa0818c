import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common';
import { Allow, Caller, PageQuery, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { DeliveriesService } from './deliveries.service.js';

const DeadLetterQuery = PageQuery.extend({
  state: z.enum(['failed', 'unresolved']).optional(),
  contract: z.string().max(200).optional(),
  deliveryMethod: z.string().max(200).optional(),
});
type DeadLetterQuery = z.infer<typeof DeadLetterQuery>;

const Redrive = z.strictObject({ ids: z.array(z.string().min(1).max(200)).min(1).max(500).describe('Ids of outbound leads.') });
type Redrive = z.infer<typeof Redrive>;

/** Deliveries that ended without the client's word, for people to look at, settle or redrive. */
@Controller('/v1/dead-letters')
@Allow('admin')
export class DeadLettersController {
  constructor(private readonly deliveries: DeliveriesService) {}

  @Get()
  list(@Caller() caller: Principal, @Query({ schema: DeadLetterQuery }) { limit, cursor, ...filters }: DeadLetterQuery) {
    return this.deliveries.deadLetters(caller, { limit, cursor }, filters);
  }

  @Post('redrive')
  @HttpCode(202)
  redrive(@Caller() caller: Principal, @Body({ schema: Redrive }) { ids }: Redrive) {
    return this.deliveries.redriveAll(caller, [...new Set(ids)]);
  }
}
