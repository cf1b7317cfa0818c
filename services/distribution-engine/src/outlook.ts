/** What a lead is left to wait for when an attempt is over. */
import { nextChance, type Decision, type Gate, type Lead, type Verdict } from '@sluice/distribution';
import type { StoredLead } from './changes.js';
import type { TenantMemory } from './memory.js';

export interface Outlook {
  /** When time alone can open what is shut for a contract that matched. */
  readonly nextChanceAt?: string;
  /** Contracts, or recipients, whom only a limit shuts out: a unit given back, or another limit, would open them. */
  readonly waitsOn?: string[];
  readonly held: boolean;
  /** Of a push lead: when it goes to its strategy's recipient for what nobody took. */
  readonly heldUntil?: string;
}

/** A lead that no window and no recipient waits for is done with, and costs nothing more. */
const NOTHING: Outlook = { nextChanceAt: undefined, waitsOn: undefined, held: false, heldUntil: undefined };
/** More would not be woken one by one any more, but by the window's own beat. */
const MOST_WAITED_ON = 64;

/** Gates that a unit given back can open. */
const LIMITS: ReadonlySet<Gate> = new Set<Gate>([
  'cap_hour', 'cap_day', 'cap_week', 'cap_month', 'cap_total', 'order_exhausted', 'credit_limit', 'percentage_limit',
]);

/** `stored`: the lead as it stands after the attempt. */
export function outlookOf({ market, state }: TenantMemory, stored: StoredLead, decision: Decision, now: number): Outlook {
  const { lead, window, heldSince } = stored;
  const held = heldSince !== undefined;
  if (!window && !held) return NOTHING;
  return {
    nextChanceAt: instantOf(nextChance(market, state, lead, decision.verdicts, now)),
    waitsOn: waitsOn(decision.verdicts),
    held,
    heldUntil: held ? instantOf(timeoutAt(market, lead, heldSince)) : undefined,
  };
}

function waitsOn(verdicts: readonly Verdict[]): string[] | undefined {
  const shut = verdicts.filter(({ gates }) => gates.length > 0 && gates.every((gate) => LIMITS.has(gate)));
  return shut.length === 0 ? undefined : [...new Set(shut.map(({ contractId }) => contractId))].sort().slice(0, MOST_WAITED_ON);
}

/** Of strategies that take this lead: another's time-out would end no wait. */
function timeoutAt(market: TenantMemory['market'], lead: Lead, heldSince: number): number {
  if (market.workflowOf(lead.campaignId)) return Infinity;
  const after = market.strategiesOf(lead.campaignId).flatMap(({ timeout, test }) => (timeout && test(lead) ? [timeout.afterMs] : []));
  return heldSince + Math.min(...after, Infinity);
}

function instantOf(at: number): string | undefined {
  return Number.isFinite(at) ? new Date(at).toISOString() : undefined;
}

/** The most frequent reasons, three at most; the one that is said of the lead as a whole comes first. */
export function topReasons(reason: string, { reasons }: Decision['considered']): string[] {
  const byCount = Object.entries(reasons).sort(([, a], [, b]) => b - a).map(([code]) => code);
  return [...new Set([reason, ...byCount])].slice(0, 3);
}
