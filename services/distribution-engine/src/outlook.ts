/** What a lead is left to wait for when an attempt is over. */
import { nextChance, timesOutAt, type Decision, type Gate, type Lead, type Market, type Verdict } from '@sluice/distribution';
import type { StoredLead } from './changes.js';
import type { TenantMemory } from './memory.js';

export interface Outlook {
  /** When time alone can open what is shut for a contract that matched. */
  readonly nextChanceAt?: string;
  /**
   * Contracts, or recipients, of which a unit given back may end the wait: those whom only a limit shuts out, and who share that limit. `*`
   * = more than can be listed: a unit of anybody may.
   */
  readonly waitsOn?: string[];
  readonly held: boolean;
  /** Of a push lead: when it goes to its strategy's recipient for what nobody took. */
  readonly heldUntil?: string;
}

/** A lead that no window and no recipient waits for is done with, and costs nothing more. */
const NOTHING: Outlook = { nextChanceAt: undefined, waitsOn: undefined, held: false, heldUntil: undefined };
/** More would be rows without end. */
const MOST_WAITED_ON = 64;
const ANYBODY = '*';

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
    waitsOn: waitsOn(market, lead, decision.verdicts),
    held,
    heldUntil: held ? instantOf(timeoutAt(market, stored)) : undefined,
  };
}

function waitsOn(market: Market, { campaignId }: Lead, verdicts: readonly Verdict[]): string[] | undefined {
  const names = new Set<string>();
  for (const { contractId, gates } of verdicts) {
    if (gates.length === 0 || !gates.every((gate) => LIMITS.has(gate))) continue;
    for (const name of sharers(market, campaignId, contractId, gates)) names.add(name);
    if (names.size > MOST_WAITED_ON || names.has(ANYBODY)) return [ANYBODY];
  }
  return names.size === 0 ? undefined : [...names].sort();
}

/** Whose units may open the contract: its own, its client's where limits are the client's, and anybody's where a group shares them. */
function sharers(market: Market, campaignId: string, contractId: string, gates: readonly Gate[]): readonly string[] {
  const contract = market.contracts.get(contractId);
  if (!contract) return [contractId];
  const { client, sharedLimits } = contract;
  if (sharedLimits.length > 0 || (market.campaigns.get(campaignId)?.limits.length ?? 0) > 0) return [ANYBODY];
  const isClients = client.limits.length > 0 || gates.includes('credit_limit') || gates.includes('percentage_limit');
  return isClients ? [...client.members].map((index) => market.byIndex[index]!.id) : [contractId];
}

/** What waits for the client that it names has no time-out (D5). */
function timeoutAt(market: TenantMemory['market'], { lead, life, heldSince }: StoredLead): number {
  return market.workflowOf(lead.campaignId) ? Infinity : timesOutAt(market, lead, { ...life, heldSince });
}

function instantOf(at: number): string | undefined {
  return Number.isFinite(at) ? new Date(at).toISOString() : undefined;
}

/** The most frequent reasons, three at most; the one that is said of the lead as a whole comes first. */
export function topReasons(reason: string, { reasons }: Decision['considered']): string[] {
  const byCount = Object.entries(reasons).sort(([, a], [, b]) => b - a).map(([code]) => code);
  return [...new Set([reason, ...byCount])].slice(0, 3);
}
