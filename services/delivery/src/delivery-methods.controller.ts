import { Body, Controller, Get, HttpCode, Param, Post } from '@nestjs/common';
import { Allow, Caller, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { EndpointSecrets } from './endpoint-secrets.service.js';

const SecretRequest = z.strictObject({ rotate: z.boolean().default(false).describe('Makes a new secret instead of showing the first one.') }).prefault({});
type SecretRequest = z.infer<typeof SecretRequest>;

/** What delivery knows of a delivery method: its secret, once, and how its endpoint does. */
@Controller('/v1/delivery-methods')
@Allow('admin')
export class DeliveryMethodsController {
  constructor(private readonly secrets: EndpointSecrets) {}

  @Post(':id/secret')
  @HttpCode(200)
  secret(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: SecretRequest }) { rotate }: SecretRequest) {
    return rotate ? this.secrets.rotate(caller, id) : this.secrets.reveal(caller, id);
  }

  @Get(':id/health')
  health(@Caller() caller: Principal, @Param('id') id: string) {
    return this.secrets.health(caller, id);
  }
}
