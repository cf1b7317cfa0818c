import { Body, Controller, HttpCode, Param, Post } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Allow, Caller, type Principal } from '@sluice/runtime';
import { z } from 'zod';
import { PresenceService } from './presence.service.js';

/** Of visible characters alone: the engine keeps counters under these ids, and no table holds NUL. */
const UserId = z.string().regex(/^[^\s,\p{C}]{1,128}$/u, 'expected the id of a user: 1 to 128 visible characters without spaces');
const Seen = z.strictObject({ users: z.array(UserId).min(1).max(1000) });

/** Who is there: recipients of push strategies get leads only while they are. */
@ApiTags('users')
@Controller('v1')
@Allow('admin', 'service')
export class UsersController {
  constructor(private readonly presence: PresenceService) {}

  @Post('users/:id/seen')
  @HttpCode(204)
  @ApiOperation({ summary: 'Says that a user is active now; a portal calls it while somebody works there' })
  async seen(@Caller() { tenantId }: Principal, @Param('id', { schema: UserId }) userId: string): Promise<void> {
    await this.presence.seen(tenantId, [userId]);
  }

  @Post('users::seen')
  @HttpCode(204)
  @ApiOperation({ summary: 'The same of many users at once' })
  @ApiBody({ schema: { type: 'object', required: ['users'], properties: { users: { type: 'array', items: { type: 'string' }, maxItems: 1000 } } } })
  async seenAll(@Caller() { tenantId }: Principal, @Body({ schema: Seen }) { users }: z.output<typeof Seen>): Promise<void> {
    await this.presence.seen(tenantId, users);
  }
}
