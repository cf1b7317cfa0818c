/**
 * Scripts run in a thread of their own. So that no lead waits for it by itself, the leads that arrive in a batch are told it a few at a
 * time, while those before them are decided. It changes no decision: what was not found out so is asked when the lead is decided.
 */
import type { ScriptCase } from '@sluice/distribution';
import { LeadReceived, type Heard } from '@sluice/events';
import { leadOf } from './heard.js';
import type { Run } from './run.js';

/** Some milliseconds of work for that thread: to be told costs as much as a script, to wait for the first few costs the rest of them. */
const LEADS = 32;

/** To be called before each record of the batch, with its place. */
export function tellAhead(run: Run, events: readonly Heard[], place: number): void {
  const { scripts } = run.tools;
  if (!scripts?.ahead || place % LEADS !== 0) return;
  if (place === 0) tell(run, events.slice(0, LEADS));
  tell(run, events.slice(place + LEADS, place + 2 * LEADS));
}

function tell(run: Run, events: readonly Heard[]): void {
  const cases = events.flatMap((heard): ScriptCase[] => {
    const tenant = run.memory.tenants.get(heard.tenantId);
    if (heard.type !== LeadReceived.type || !tenant || tenant.market.scripts.length === 0) return [];
    return [{ market: tenant.market, state: tenant.state, lead: leadOf((heard as Heard<LeadReceived>).data) }];
  });
  if (cases.length > 0) run.tools.scripts!.ahead!(cases, run.now);
}
