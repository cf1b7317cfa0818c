/**
 * Push (D3, D4): a lead goes down a tree, corporate → branch → user, by a strategy at each level. A branch is eligible only if somebody
 * under it is, so a lead never gets stuck half way; both levels count, and the assignment names the last one.
 */
import type { Decision, Pick, Verdict } from './decision.js';
import type { Holding, Lead, Life, Unit } from './lead.js';
import { BIT } from './links.js';
import type { Market } from './market.js';
import { resetBucket } from './newcomers.js';
import type { RecipientTerms, StrategyTerms } from './phases.js';
import type { UnsoldReason } from './reasons.js';
import { rotationKey } from './rotation.js';
import type { LimitDetail, Scene } from './scene.js';
import type { State } from './state.js';
import { takeTurn } from './turns.js';
import { firstGate, gatesIn } from './verdicts.js';
import { bestOf, intervalKey, creditKey, standings } from './weighted.js';
import { topReason, unsold } from './automatic.js';

/** One step down: which strategy chose whom, and what the choice moves. */
export interface Level { strategy: StrategyTerms; recipient: RecipientTerms; credits: { keys: string[]; earned: number[] } | null }

export class PushDecision {
  readonly kind: 'distributed' | 'unsold';
  readonly workflowId: string;
  readonly trigger: string;
  readonly picks: Pick[];
  readonly minimumsMet = true;
  readonly full: boolean;
  readonly reason?: UnsoldReason;
  readonly held?: boolean;
  readonly considered: Decision['considered'];
  readonly #levels: Level[];

  constructor(scene: Scene, strategy: StrategyTerms, levels: Level[], readonly verdicts: Verdict[]) {
    this.kind = levels.length > 0 ? 'distributed' : 'unsold';
    this.workflowId = strategy.id;
    this.trigger = scene.request.trigger;
    this.#levels = levels;
    this.full = levels.length > 0;
    const last = levels[levels.length - 1];
    this.picks = last ? [{
      contractId: last.recipient.to, clientId: last.strategy.id, rule: strategy.id, priceMinor: 0n, trial: false, overridden: [],
      via: levels.slice(0, -1).map(({ recipient }) => recipient.to),
    }] : [];
    const reasons: Decision['considered']['reasons'] = {};
    for (const { code } of verdicts) if (code !== 'picked') reasons[code] = (reasons[code] ?? 0) + 1;
    this.considered = { inScope: verdicts.length, notMatched: 0, reasons };
    if (!last) {
      this.reason = topReason(reasons);
      this.held = true;
    }
  }

  get levels(): readonly Level[] {
    return this.#levels;
  }

  toJSON(): unknown {
    return { ...this, picks: this.picks.map((pick) => ({ ...pick, priceMinor: String(pick.priceMinor) })) };
  }
}

export function decidePush(scene: Scene, strategies: readonly StrategyTerms[]): Decision {
  // A returned lead keeps its slot (F4): it is pushed to nobody else, nor to the same once more.
  if (scene.sold > 0) return unsold(scene, 'share_count', { full: true });
  const matching = strategies.filter((strategy) => strategy.test(scene.lead));
  if (matching.length === 0) return unsold(scene, 'criteria');
  const verdicts: Verdict[] = [];
  for (const strategy of matching) {
    const levels = descend(scene, strategy, verdicts, { branches: new Set(), activeWithinMs: Infinity });
    if (levels) return new PushDecision(scene, strategy, levels, verdicts) as unknown as Decision;
  }
  const late = matching.find((strategy) => isLate(scene, strategy));
  return new PushDecision(scene, late ?? matching[0]!, late ? [toFallback(late)] : [], verdicts) as unknown as Decision;
}

/** Nobody took it for so long that it goes to the fallback recipient, active or not; but not again to one who turned it down (A2). */
function isLate({ life, now }: Scene, { timeout }: StrategyTerms): boolean {
  return timeout !== null && life.heldSince !== undefined && now - life.heldSince >= timeout.afterMs && !turnedDown(life, timeout.to);
}

function turnedDown({ picks }: Life, recipient: string): boolean {
  return picks.some(({ contractId, state }) => contractId === recipient && (state === 'rejected' || state === 'failed'));
}

/** When a lead that is held goes to a fallback recipient (D4), in epoch milliseconds; Infinity where no time-out ends its wait. */
export function timesOutAt(market: Market, lead: Lead, life: Life): number {
  const { heldSince } = life;
  if (heldSince === undefined) return Infinity;
  // Only of strategies that take this lead: another's time-out would come due again and again, and never end the wait.
  const after = market.strategiesOf(lead.campaignId)
    .flatMap(({ timeout, test }) => (timeout !== null && test(lead) && !turnedDown(life, timeout.to) ? [timeout.afterMs] : []));
  return heldSince + Math.min(...after, Infinity);
}

function toFallback(strategy: StrategyTerms): Level {
  const { to } = strategy.timeout!;
  const known = strategy.recipients.find((recipient) => recipient.to === to);
  return { strategy, recipient: known ?? { to, place: -1, weight: 0, limits: [], test: () => true, hasCriteria: false }, credits: null };
}

/** What lies above a strategy: whose leads it hands on, and how lately a user must have been active for the strategies up there. */
interface Above { readonly branches: ReadonlySet<string>; readonly activeWithinMs: number }

/** The way down from a strategy to a user; undefined where nobody can take the lead. */
function descend(scene: Scene, strategy: StrategyTerms, verdicts: Verdict[], above: Above): Level[] | undefined {
  const below = new Map<string, Level[]>();
  const eligible: RecipientTerms[] = [];
  const own: Verdict[] = [];
  // A branch is as active as who is under it: its own strategy is bound by what those above ask for.
  const here: Above = {
    branches: new Set([...above.branches, strategy.from]), activeWithinMs: Math.min(above.activeWithinMs, strategy.activeWithinMs),
  };
  for (const recipient of strategy.recipients) {
    const verdict = judge(scene, strategy, recipient, below, verdicts, here);
    own.push(verdict);
    if (verdict.gates.length > 0) continue;
    if (strategy.method === 'weighted' && recipient.weight <= 0) verdict.code = 'no_weight'; else eligible.push(recipient);
  }
  const chosen = eligible.length > 0 ? choose(scene, strategy, eligible) : undefined;
  for (const verdict of own) if (verdict.contractId === chosen?.recipient.to) verdict.code = 'picked';
  verdicts.push(...own);
  return chosen && [chosen, ...(below.get(chosen.recipient.to) ?? [])];
}

function judge(
  scene: Scene, strategy: StrategyTerms, recipient: RecipientTerms, below: Map<string, Level[]>, verdicts: Verdict[], here: Above,
): Verdict {
  const { market, state, lead, life, now } = scene;
  let mask = 0;
  let detail: LimitDetail | undefined;
  if (!recipient.test(lead)) mask |= BIT.criteria;
  if (turnedDown(life, recipient.to)) mask |= BIT.rejected_before;
  for (const limit of recipient.limits) {
    const used = state.used(limit, now);
    if (used + 1 <= limit.limit) continue;
    mask |= 1 << limit.gate;
    detail ??= { scope: limit.scope, id: limit.id, window: limit.window, metric: limit.metric, used, limit: limit.limit };
  }
  const onward = here.branches.has(recipient.to) ? [] : market.strategiesFrom(recipient.to, lead.campaignId);
  if (onward.length === 0) {
    // 0 = never seen, which is longer ago than any span.
    const lastSeen = state.get(`seen|${recipient.to}`);
    if (here.activeWithinMs !== Infinity && (lastSeen === 0 || now - lastSeen > here.activeWithinMs)) mask |= BIT.not_active;
  } else {
    for (const next of onward) {
      const levels = next.test(lead) ? descend(scene, next, verdicts, here) : undefined;
      if (levels) { below.set(recipient.to, levels); break; }
    }
    if (!below.has(recipient.to)) mask |= BIT.not_active;
  }
  return { contractId: recipient.to, clientId: strategy.id, code: mask === 0 ? 'outranked' : firstGate(mask), gates: gatesIn(mask),
    ...(detail && { limit: detail }) };
}

function choose(scene: Scene, strategy: StrategyTerms, eligible: readonly RecipientTerms[]): Level {
  const { state, now } = scene;
  const bucket = resetBucket(state, strategy.id, strategy.reset, strategy.zone, now);
  if (strategy.method === 'roundRobin') {
    const turn = (recipient: RecipientTerms) => (bucket === null ? state.get(`rr|recipient|${recipient.to}`)
      : turnSince(state, strategy, recipient, bucket));
    const [first] = [...eligible].sort((a, b) => turn(a) - turn(b) || a.place - b.place);
    return { strategy, recipient: first!, credits: null };
  }
  const { keys, earned, score } = standings(state, { key: strategy.id }, eligible.map(({ to }) => to),
    eligible.map(({ weight }) => weight), 1, bucket);
  const best = bestOf([...eligible.keys()], (candidate) => score(candidate))!;
  return { strategy, recipient: eligible[best.candidate]!, credits: bucket === null ? { keys, earned } : null };
}

/** Where its turn stands since the reset; who came after the reset counts from then, all others stand at 0 until they are served. */
function turnSince(state: State, strategy: StrategyTerms, { to }: RecipientTerms, bucket: string): number {
  const served = state.get(rotationKey(strategy.id, to, bucket));
  if (served > 0) return served;
  const began = state.get(`rot0|${strategy.id}|${bucket}`);
  const born = state.get(`born|recipient|${to}`);
  return began > 0 && born > began ? born : 0;
}

/** Reserves both levels together. */
export function reservePush(
  state: State, life: Life, decision: { readonly picks: readonly Pick[]; readonly levels: readonly Level[] }, now: number,
  idOf: (pick: Pick, index: number) => string,
): Holding[] {
  const [pick] = decision.picks;
  if (!pick) return [];
  const units: Unit[] = [];
  const holding: Holding = {
    outboundLeadId: idOf(pick, 0), contractId: pick.contractId, clientId: pick.clientId, rule: pick.rule, state: 'reserved', price: '0', at: now,
    also: decision.levels.flatMap(({ strategy, recipient }) => waysTo(strategy, recipient)),
    terms: 0, round: life.rounds + 1, units, turns: [],
  };
  for (const { strategy, recipient, credits } of decision.levels) {
    const bucket = resetBucket(state, strategy.id, strategy.reset, strategy.zone, now);
    for (const limit of recipient.limits) if (limit.metric === 'count') state.use(limit, 1, now);
    const began = `rot0|${strategy.id}|${bucket}`;
    if (bucket !== null && state.get(began) === 0) state.set(began, Math.max(1, state.get('seq')));
    const turn = state.nextTurn();
    holding.turns!.push(takeTurn(state, `rr|recipient|${recipient.to}`, turn));
    if (bucket !== null) holding.turns!.push(takeTurn(state, rotationKey(strategy.id, recipient.to, bucket), turn));
    if (strategy.method === 'weighted') payLevel(state, strategy, recipient, credits, bucket, units);
  }
  state.sales?.add(holding);
  return [holding];
}

/** Scopes that count what went this way: the recipient's, and that of all recipients of the strategy, of which a fallback may be none. */
function waysTo({ id }: StrategyTerms, { to, place }: RecipientTerms): string[] {
  return [`recipient|${id}/${to}`, ...(place < 0 ? [] : [`recipient|${id}`])];
}

function payLevel(
  state: State, strategy: StrategyTerms, { to }: RecipientTerms, credits: Level['credits'], bucket: string | null, units: Unit[],
): void {
  const key = { key: strategy.id };
  if (bucket !== null) {
    for (const counter of [intervalKey(key, to, bucket), intervalKey(key, '', bucket)]) {
      state.add(counter, 1);
      units.push([counter, 1]);
    }
    return;
  }
  if (!credits) return;
  credits.keys.forEach((counter, place) => {
    state.moveCredit(counter, credits.earned[place]!);
    units.push([counter, credits.earned[place]!]);
  });
  state.moveCredit(creditKey(key, to), -1);
  units.push([creditKey(key, to), -1]);
}
