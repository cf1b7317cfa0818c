import { type CanActivate, type ExecutionContext, Injectable, Optional } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ALLOWED } from './access.js';
import { Clock } from './clock.js';
import { KeyValue } from './key-value.js';
import { type Authenticator, type Principal } from './principal.js';
import { Problem } from './problem.js';
import { verifyPrincipal } from './service-credential.js';

interface Request {
  headers: Record<string, string | string[] | undefined>;
  ip?: string;
  principal?: Principal;
}

/** Who may pass. The secret is what the services of one installation share. */
export class AccessRules {
  /** Asked in turn. A composition root fills them in once its modules are made, and before it listens. */
  readonly authenticators: Authenticator[] = [];

  constructor(readonly serviceSecret: string) {}
}

/** Wrong keys that one address may send in a minute: far above any mistake, far below any guessing. */
const WRONG_KEYS_MAX = 300;
const MINUTE_MS = 60_000;

/** Finds out who calls, and denies by default: a route says with `@Allow` who may call it, or nobody may. */
@Injectable()
export class AccessGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector, private readonly rules: AccessRules, private readonly clock: Clock,
    // Shared by replicas where Redis is given; without it each counts for itself.
    @Optional() private readonly counters?: KeyValue,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const allowed = this.reflector.getAllAndOverride<(Principal['kind'] | 'public')[] | undefined>(ALLOWED, [context.getHandler(), context.getClass()]);
    if (allowed?.includes('public')) return true;
    const request = context.switchToHttp().getRequest<Request>();
    const principal = await this.principalOf(request.headers['authorization']);
    if (!principal) {
      await this.countWrongKey(request);
      throw new Problem(401, 'unauthenticated', 'Send a valid API key as "Authorization: Bearer …".', [], { 'www-authenticate': 'Bearer' });
    }
    if (!allowed?.includes(principal.kind)) {
      throw new Problem(403, 'forbidden', `A key of kind "${principal.kind}" may not call this; it takes one of: ${allowed?.join(', ') ?? 'none'}.`);
    }
    request.principal = principal;
    return true;
  }

  private async countWrongKey({ headers, ip }: Request): Promise<void> {
    if (!this.counters || !headers['authorization']) return;
    const wrong = await this.counters.add(`wrong-keys/${ip ?? ''}`, 1, MINUTE_MS);
    if (wrong <= WRONG_KEYS_MAX) return;
    throw new Problem(429, 'too_many_wrong_keys', 'Too many wrong keys came from this address; try again in a minute.', [], { 'retry-after': '60' });
  }

  private async principalOf(header: string | string[] | undefined): Promise<Principal | undefined> {
    if (typeof header !== 'string') return undefined;
    const [scheme, credential] = header.split(' ');
    if (!credential) return undefined;
    if (scheme === 'Service') return verifyPrincipal(credential, this.rules.serviceSecret, this.clock.now());
    if (scheme?.toLowerCase() !== 'bearer') return undefined;
    for (const authenticator of this.rules.authenticators) {
      const principal = await authenticator.authenticate(credential);
      if (principal) return principal;
    }
    return undefined;
  }
}
