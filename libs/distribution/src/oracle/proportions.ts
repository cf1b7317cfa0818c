/** Weighted (W1–W4) and percentage (P1, P2): who is furthest behind what is due. Reckoned in exact fractions from the first lead on. */
import { bucketOf } from '@sluice/kernel';
import type { Contract } from '../document.js';
import {
  add, ceil, compareFractions, decimal, fraction, minus, over, reservations, stands, times, zoneOf,
  type Fraction, type History, type Recipient,
} from './history.js';
import { fullOrder, intervalOf } from './orders.js';
import { conflicts, fitsWith, takeInOrder, type Desk, type Outcome } from './phase.js';

const ONE = fraction(1);
const NONE = fraction(0);
/** Credits survive absence, but not without bound (W2). */
const CREDIT_MAX = fraction(5);

type Shares = ReadonlyMap<string, Fraction>;

export function runWeighted(desk: Desk, recipients: readonly Recipient[]): Outcome {
  const reasons = new Map<string, string>();
  const weightOf = ({ contract, client }: Recipient) => (desk.phase.by === 'client' ? client.weight : contract.weight) ?? 0;
  const weighted = recipients.filter((each) => weightOf(each) > 0);
  for (const each of recipients) if (weightOf(each) <= 0) reasons.set(each.contract.id, 'no_weight');
  const eligible = weighted.filter(({ contract }) => fitsWith(desk, [contract]));
  for (const { contract } of weighted) {
    if (!fitsWith(desk, [contract])) reasons.set(contract.id, desk.takeLeft > 0 ? 'share_count' : 'outranked');
  }
  const total = eligible.reduce((sum, each) => add(sum, decimal(weightOf(each))), NONE);
  const shares = new Map(eligible.map((each) => [each.id, over(decimal(weightOf(each)), total)]));
  return desk.phase.reset === 'never' ? byCredit(desk, eligible, shares, reasons) : byInterval(desk, eligible, shares, reasons);
}

/** W2, after Tijdeman: each lead pays every eligible its share, the winner pays one. */
function byCredit(desk: Desk, eligible: readonly Recipient[], shares: Shares, reasons: Map<string, string>): Outcome {
  const wanted = Math.min(desk.takeLeft, eligible.length);
  const earned = earnings(shares, wanted);
  const credits = creditsOf(desk.history, desk.phase.key, desk.phase.by);
  for (const [id, gain] of earned) credits.set(id, add(credits.get(id) ?? NONE, gain));
  const outcome: Outcome = { picks: [], reasons, earned, turned: new Set() };
  const threshold = eligible.length > 1 ? fraction(1, 2 * eligible.length - 2) : NONE;
  const tie = fullOrder(desk, [desk.phase.base, desk.phase.secondary]);
  const left = [...eligible];
  while (outcome.picks.length < wanted) {
    const able = ableOf(desk, left, outcome.picks);
    const credit = ({ id }: Recipient) => credits.get(id) ?? NONE;
    const urgent = able.filter((each) => compareFractions(credit(each), threshold) >= 0);
    const slack = (each: Recipient) => over(minus(minus(ONE, threshold), credit(each)), shares.get(each.id) ?? ONE);
    const [winner] = urgent.length > 0
      ? [...urgent].sort((a, b) => compareFractions(slack(a), slack(b)) || tie(a, b))
      : [...able].sort((a, b) => compareFractions(credit(b), credit(a)) || tie(a, b));
    if (!winner) break;
    outcome.picks.push(winner.contract);
    left.splice(left.indexOf(winner), 1);
  }
  explainRest(desk, left, outcome);
  return outcome;
}

/** Who can still take part beside the picks (M2, M5). */
function ableOf(desk: Desk, left: readonly Recipient[], picks: readonly Contract[]): Recipient[] {
  return left.filter(({ contract }) => !picks.some((pick) => conflicts(pick, contract)) && fitsWith(desk, [...picks, contract]));
}

function explainRest(desk: Desk, left: readonly Recipient[], { picks, reasons }: Outcome): void {
  for (const { contract } of left) {
    const outranked = picks.length >= desk.takeLeft || fitsWith(desk, [...picks, contract]);
    const sibling = picks.some((pick) => conflicts(pick, contract));
    reasons.set(contract.id, sibling ? 'sibling' : outranked ? 'outranked' : 'share_count');
  }
}

/** min(1, m·share) for each; what is cut off goes to the others in proportion, until all is given. */
function earnings(shares: Shares, picks: number): Map<string, Fraction> {
  const full = new Set<string>();
  for (;;) {
    const open = [...shares].filter(([id]) => !full.has(id));
    const sum = open.reduce((total, [, share]) => add(total, share), NONE);
    const pot = fraction(picks - full.size);
    const gains = open.map(([id, share]) => [id, over(times(pot, share), sum)] as const);
    const overflowing = gains.filter(([, gain]) => compareFractions(gain, ONE) > 0);
    if (overflowing.length === 0) return new Map([...[...full].map((id) => [id, ONE] as const), ...gains]);
    for (const [id] of overflowing) full.add(id);
  }
}

function creditsOf(history: History, rule: string, by: 'contract' | 'client'): Map<string, Fraction> {
  const credits = new Map<string, Fraction>();
  const move = (id: string, amount: Fraction) => credits.set(id, clamp(add(credits.get(id) ?? NONE, amount)));
  for (const fact of history) {
    if (fact.type === 'attempted') {
      const picked = reservations(history).filter((each) => each.rule === rule && each.round === history.indexOf(fact));
      const paid = (id: string) => picked.filter((each) => each[by] === id).length;
      for (const [id, gain] of earnedAt(history, history.indexOf(fact), rule)) move(id, minus(gain, fraction(paid(id))));
    }
    if (fact.type !== 'turnedDown') continue;
    const turned = reservations(history).filter((each) => each.lead === fact.lead && each.contract === fact.contract
      && history.indexOf(each) < history.indexOf(fact)).pop();
    if (turned?.rule !== rule) continue;
    const picks = fraction(1, reservations(history).filter((each) => each.rule === rule && each.round === turned.round).length);
    for (const [id, gain] of earnedAt(history, turned.round, rule)) {
      move(id, minus(fraction(id === turned[by] ? 1 : 0), times(gain, picks)));
    }
  }
  return credits;
}

function earnedAt(history: History, round: number, rule: string): ReadonlyMap<string, Fraction> {
  const fact = history[round];
  return (fact?.type === 'attempted' ? fact.reached.find((each) => each.rule === rule)?.earned : undefined) ?? new Map<string, Fraction>();
}

function clamp(credit: Fraction): Fraction {
  if (compareFractions(credit, CREDIT_MAX) > 0) return CREDIT_MAX;
  return compareFractions(credit, minus(NONE, CREDIT_MAX)) < 0 ? minus(NONE, CREDIT_MAX) : credit;
}

/** W3: the ratio is met within the interval; highest share·(N+1) − received. */
function byInterval(desk: Desk, eligible: readonly Recipient[], shares: Shares, reasons: Map<string, string>): Outcome {
  const { history, phase, now } = desk;
  const interval = intervalOf(desk, now);
  const given = reservations(history)
    .filter((each) => each.rule === phase.key && stands(history, each) && intervalOf(desk, each.at) === interval);
  const outcome: Outcome = { picks: [], reasons, turned: new Set() };
  const tie = fullOrder(desk, [phase.base, phase.secondary]);
  const left = [...eligible];
  while (outcome.picks.length < desk.takeLeft) {
    const able = ableOf(desk, left, outcome.picks);
    const received = (id: string) => fraction(given.filter((each) => each[phase.by] === id).length);
    const leads = fraction(given.length + outcome.picks.length + 1);
    const due = ({ id }: Recipient) => minus(times(shares.get(id) ?? NONE, leads), received(id));
    const [winner] = [...able].sort((a, b) => compareFractions(due(b), due(a)) || tie(a, b));
    if (!winner) break;
    outcome.picks.push(winner.contract);
    left.splice(left.indexOf(winner), 1);
  }
  explainRest(desk, left, outcome);
  return outcome;
}

export function runPercentage(desk: Desk, recipients: readonly Recipient[]): Outcome {
  const { history, phase, now, leadId } = desk;
  const zone = zoneOf(desk.document, desk.workflow);
  const inFrame = (at: number) => bucketOf(at, zone, phase.timeframe) === bucketOf(now, zone, phase.timeframe);
  const leads = new Set(history.flatMap((fact) => (
    fact.type === 'attempted' && inFrame(fact.at) && fact.reached.some(({ rule }) => rule === phase.key) ? [fact.lead] : [])));
  leads.add(leadId);
  const percent = ({ contract, client }: Recipient) => (phase.by === 'client' ? client.percentage : contract.percentage);
  const due = (each: Recipient) => times(over(decimal(percent(each) ?? 0), fraction(100)), fraction(leads.size));
  const received = ({ id }: Recipient) => reservations(history)
    .filter((each) => each.rule === phase.key && each[phase.by] === id && inFrame(each.at) && stands(history, each)).length;
  const within = (each: Recipient) => percent(each) !== undefined && BigInt(received(each) + 1) <= ceil(due(each));
  const outcome: Outcome = { picks: [], reasons: new Map(), turned: new Set() };
  const tie = fullOrder(desk, [phase.base, phase.secondary]);
  const behind = (each: Recipient) => minus(due(each), fraction(received(each)));
  const first = recipients.filter(within).sort((a, b) => compareFractions(behind(b), behind(a)) || tie(a, b));
  const held = recipients.filter((each) => phase.strict && percent(each) !== undefined && !within(each));
  const rest = recipients.filter((each) => !first.includes(each) && !held.includes(each)).sort(tie);
  takeInOrder(desk, [...first, ...rest], outcome.picks, outcome.reasons);
  for (const { contract } of held) outcome.reasons.set(contract.id, 'held_back');
  return outcome;
}
