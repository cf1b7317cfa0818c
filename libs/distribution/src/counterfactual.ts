/**
 * For a contract that lost: the smallest single change that would have let it win. A change is only told if a decision with it was made and
 * the contract was in its plan. It is tried on a market of the contracts that matched, so that nothing live is touched.
 */
import { candidatesFor, type Change, type Trial } from './changes.js';
import { decide } from './decide.js';
import type { Decision, Request, Seed, Verdict } from './decision.js';
import { explain } from './explain.js';
import type { ConfigItem } from './items.js';
import type { Lead, Life } from './lead.js';
import type { Market } from './market.js';
import type { State } from './state.js';

export interface Counterfactual {
  contractId: string;
  /** What would have to change, from what to what: `contract acme-ny, caps.day, 20 → 21`. */
  kind: ConfigItem['kind'];
  id: string;
  path: string;
  from: unknown;
  to: unknown;
  /** `daily cap 20 → 21`. */
  words: string;
}

/** The moment of a decision, before it was reserved. */
export interface Moment { market: Market; state: State; lead: Lead; life: Life; request: Request; now: number; seed: Seed }

/**
 * One for each contract, or recipient of a push, of the decision that lost and that one change would have let win. `contracts` limits it to
 * some of them, also to contracts that the index left out. The state must be as it was when the decision was made.
 */
export function counterfactuals(moment: Moment, decision: Pick<Decision, 'verdicts'>, contracts?: readonly string[]): Counterfactual[] {
  const { market, state, lead, life, request: { trigger, overrides }, now } = moment;
  return state.aside(() => {
    const wanted = contracts && new Set(contracts);
    const verdicts = wanted ? explain(market, lead, decision.verdicts, now, { state, life, trigger, overrides }) : decision.verdicts;
    const losers = verdicts.filter(({ contractId, code }) => code !== 'picked' && (wanted?.has(contractId) ?? true));
    return losers.flatMap((verdict) => smallestChange(moment, decision.verdicts, verdict) ?? []);
  });
}

function smallestChange(moment: Moment, matched: readonly Verdict[], loser: Verdict): Counterfactual | undefined {
  // Two shut gates need two changes.
  if (loser.gates.length > 1) return undefined;
  const items = itemsAround(moment, new Set([...matched.map(({ contractId }) => contractId), loser.contractId]));
  const market = moment.market.derive(items);
  const bodies = new Map(items.map((item) => [`${item.kind}|${item.id}`, item]));
  const { state, lead, life, request, now, seed } = moment;
  const wins = (change: Change): boolean => {
    const item = bodies.get(`${change.kind}|${change.id}`);
    if (!item?.body) return false;
    try {
      market.change([{ ...item, body: withValue(item.body, change.path, change.to) } as ConfigItem]);
      const { picks } = decide(market, state, lead, life, request, now, seed);
      return picks.some(({ contractId, via }) => contractId === loser.contractId || (via?.includes(loser.contractId) ?? false));
    } catch (error) {
      // A value that a document may not have is no change that anybody can make.
      if (error instanceof RangeError) return false;
      throw error;
    } finally {
      market.change([item]);
    }
  };
  const trial: Trial = { moment, loser, bodies, wins };
  for (const change of candidatesFor(trial)) {
    if (!wins(change)) continue;
    const from = valueAt(bodies.get(`${change.kind}|${change.id}`)!.body!, change.path);
    return { contractId: loser.contractId, kind: change.kind, id: change.id, path: change.path, from, to: change.to, words: change.words };
  }
  return undefined;
}

/** What a decision about these contracts needs to know, and no more. */
function itemsAround({ market }: Moment, contracts: ReadonlySet<string>): ConfigItem[] {
  const clients = new Set([...contracts].map((id) => market.contracts.get(id)?.body.client));
  return market.allItems().filter((item) => {
    if (item.kind === 'contract') return contracts.has(item.id);
    if (item.kind === 'client') return clients.has(item.id);
    if (item.kind === 'order') return item.body !== null && contracts.has(item.body.contract);
    return true;
  });
}

/** A copy of the body with another value at `caps.day` or `rules.0.take`; undefined takes the key away. */
export function withValue(body: object, path: string, value: unknown): object {
  const [key = '', ...rest] = path.split('.');
  const copy = (Array.isArray(body) ? [...body] : { ...body }) as Record<string, unknown>;
  if (rest.length > 0) copy[key] = withValue((copy[key] ?? {}) as object, rest.join('.'), value);
  else if (value === undefined) delete copy[key];
  else copy[key] = value;
  return copy as object;
}

export function valueAt(body: object, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], body);
}
