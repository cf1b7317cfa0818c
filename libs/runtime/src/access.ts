import { createParamDecorator, SetMetadata, type ExecutionContext } from '@nestjs/common';
import { Problem } from './problem.js';
import type { Principal } from './principal.js';

export const ALLOWED = 'sluice:allowed';

/** Who may call a route. A route without it is denied to everybody. */
export const Allow = (...kinds: (Principal['kind'] | 'public')[]) => SetMetadata(ALLOWED, kinds);

/** The caller, as the composition root's guard found it. */
export const Caller = createParamDecorator((_: unknown, context: ExecutionContext): Principal => {
  const { principal } = context.switchToHttp().getRequest<{ principal?: Principal }>();
  if (!principal) throw new Problem(401, 'unauthenticated', 'Send an API key as "Authorization: Bearer …".');
  return principal;
});
