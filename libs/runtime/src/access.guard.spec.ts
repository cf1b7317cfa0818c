import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { AccessGuard, AccessRules } from './access.guard.js';
import { Allow } from './access.js';
import { VirtualClock } from './clock.js';
import { LocalKeyValue } from './local-key-value.js';
import { Authenticator, type Principal } from './principal.js';
import { signPrincipal } from './service-credential.js';

const SECRET = 'a secret of the services, long enough';

class OneKey extends Authenticator {
  override async authenticate(key: string): Promise<Principal | undefined> {
    return key === 'right' ? { tenantId: 'one', kind: 'source', id: 'form' } : undefined;
  }
}

class Routes {
  @Allow('source')
  post() {}

  @Allow('public')
  health() {}

  @Allow('service')
  internal() {}

  forgotten() {}
}

function guarded() {
  const clock = new VirtualClock(1_000_000);
  const rules = new AccessRules(SECRET);
  rules.authenticators.push(new OneKey());
  const guard = new AccessGuard(new Reflector(), rules, clock, new LocalKeyValue(clock));
  const call = (route: keyof Routes, authorization?: string, ip = '203.0.113.9') => {
    const request: { headers: Record<string, string | undefined>; ip: string; principal?: Principal } = { headers: { authorization }, ip };
    const context = new ExecutionContextHost([request], Routes, Routes.prototype[route]);
    context.setType('http');
    return guard.canActivate(context).then(() => request.principal);
  };
  return { call, clock };
}

describe('the guard', () => {
  it('lets in who may call, and says who it is', async () => {
    expect(await guarded().call('post', 'Bearer right')).toEqual({ tenantId: 'one', kind: 'source', id: 'form' });
    expect(await guarded().call('health')).toBeUndefined();
  });

  it('denies what says nothing of who may call', async () => {
    await expect(guarded().call('forgotten', 'Bearer right')).rejects.toMatchObject({ status: 403 });
  });

  it('takes the credential of a service for a minute, and only its own', async () => {
    const { call, clock } = guarded();
    const principal = { tenantId: 'two', kind: 'service', id: 'intake' } as const;
    const credential = `Service ${signPrincipal(principal, SECRET, clock.now())}`;
    expect(await call('internal', credential)).toEqual(principal);
    await expect(call('internal', `Service ${signPrincipal(principal, `${SECRET}!`, clock.now())}`)).rejects.toMatchObject({ status: 401 });
    clock.moveTo(clock.now() + 60_001);
    await expect(call('internal', credential)).rejects.toMatchObject({ status: 401 });
  });

  it('stops an address that guesses keys, for a minute, and nobody else', async () => {
    const { call, clock } = guarded();
    for (let guess = 0; guess < 300; guess++) await expect(call('post', `Bearer guess-${guess}`)).rejects.toMatchObject({ status: 401 });
    await expect(call('post', 'Bearer guess')).rejects.toMatchObject({ status: 429, headers: { 'retry-after': '60' } });
    await expect(call('post', 'Bearer guess', '203.0.113.10')).rejects.toMatchObject({ status: 401 });
    expect(await call('post', 'Bearer right')).toBeDefined();
    clock.moveTo(clock.now() + 60_001);
    await expect(call('post', 'Bearer guess')).rejects.toMatchObject({ status: 401 });
  });
});
