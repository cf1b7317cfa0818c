/** What a decision would be right now, with the gates of every contract shown and what an override would change. Commits nothing. */
import {
  decide, explain, wordsFor, type Decision, type Gate, type Lead, type Life, type Market, type Request, type Seed, type State, type Verdict,
} from '@sluice/distribution';

/** A moment to decide at. */
export interface Case {
  readonly market: Market;
  readonly lead: Lead;
  readonly life: Life;
  readonly request: Request;
  readonly now: number;
  readonly seed: Seed;
  /** Also the contracts whose criteria do not let the lead in. */
  readonly all: boolean;
}

export interface ShownContract {
  readonly contractId: string;
  readonly clientId: string;
  readonly code: Verdict['code'];
  readonly gates: readonly Gate[];
  readonly limit: Verdict['limit'] | null;
  readonly detail: string | null;
  readonly rank: Verdict['rank'] | null;
  readonly words: string;
  /** Whether it would be picked if these gates, its own, were passed over too; null where none can be, or there are too many to try. */
  readonly withOverride: { readonly gates: readonly Gate[]; readonly picked: boolean } | null;
}

export interface Preview {
  readonly decision: Decision;
  readonly contracts: readonly ShownContract[];
}

/** Never passed over, by nobody (M2, M5). */
const BINDING: ReadonlySet<Gate> = new Set<Gate>(['share_count', 'already_received']);
/** Contracts whose gates are tried to be passed over: each is a decision more. */
const TRIED_MAX = 50;

export function previewOf(of: Case, state: State): Preview {
  const { market, lead, life, request, now, seed } = of;
  const decision = decide(market, state, lead, life, request, now, seed);
  const verdicts = of.all && request.contracts === undefined
    ? explain(market, lead, decision.verdicts, now, { state, life, trigger: request.trigger, overrides: request.overrides })
    : decision.verdicts;
  // The rules never see whom the index left out, whatever is passed over.
  const canBe = request.contracts ? isWorthTrying : (verdict: Verdict) => isWorthTrying(verdict) && !verdict.gates.includes('criteria');
  const tried = new Set(verdicts.filter(canBe).slice(0, TRIED_MAX));
  return { decision, contracts: verdicts.map((verdict) => shownOf(verdict, market.ground.currency,
    tried.has(verdict) ? overridden(of, state, verdict) : null)) };
}

function isWorthTrying({ code, gates }: Verdict): boolean {
  return code !== 'picked' && gates.length > 0 && !gates.some((gate) => BINDING.has(gate));
}

function overridden({ market, lead, life, request, now, seed }: Case, state: State, { contractId, gates }: Verdict): ShownContract['withOverride'] {
  const overrides = [...new Set([...(request.overrides ?? []), ...gates])];
  const { picks } = decide(market, state, lead, life, { ...request, overrides }, now, seed);
  return { gates, picked: picks.some((pick) => pick.contractId === contractId) };
}

function shownOf(verdict: Verdict, currency: string, withOverride: ShownContract['withOverride']): ShownContract {
  const { contractId, clientId, code, gates, limit, detail, rank } = verdict;
  // Nothing happened yet, so that nothing can have been given.
  const words = code === 'picked' ? `${contractId} would be given this lead.`
    : wordsFor(verdict, undefined, currency).replace('was not given', 'would not be given');
  return { contractId, clientId, code, gates, limit: limit ?? null, detail: detail ?? null, rank: rank ?? null, words, withOverride };
}
