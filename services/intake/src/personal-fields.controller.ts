import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { Allow, Caller, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { PersonalFieldsService } from './personal-fields.service.js';

const Opening = z.strictObject({ leadIds: z.array(z.uuid()).min(1).max(1000) });

/** Delivery asks for the personal fields of the leads that it is about to send: the only way out of the vault. */
@Controller('/internal/v1/intake/personal-fields')
@Allow('service')
export class PersonalFieldsController {
  constructor(private readonly fields: PersonalFieldsService) {}

  @Post()
  @HttpCode(200)
  async open(@Caller() caller: Principal, @Body({ schema: Opening }) body: z.infer<typeof Opening>) {
    return { leads: await this.fields.open(caller, body.leadIds) };
  }
}
