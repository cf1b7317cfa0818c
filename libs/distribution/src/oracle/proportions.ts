/** Weighted (W1–W4) and percentage (P1, P2): who is furthest behind what is due. Reckoned in exact fractions from the first lead on. */
import { bucketOf } from '@sluice/kernel';
import type { Contract } from '../document.js';
import {
  add, ceil, compareFractions, decimal, fraction, minus, over, reservations, stands, times, zoneOf,
  type Fraction, type History, type Recipient,
} from './history.js';
import { beforeTurn, fullOrder, intervalOf, scoreOrder, type Order } from './orders.js';
import { conflicts, couldJoin, fitsWith, sharedCap, takeInOrder, type Desk, type Outcome } from './phase.js';

const ONE = fraction(1);
const NONE = fraction(0);
/** Credits survive absence, but not without bound (W2). */
const CREDIT_MAX = fraction(5);

type Shares = ReadonlyMap<string, Fraction>;

export function runWeighted(desk: Desk, recipients: readonly Recipient[]): Outcome {
  const reasons = new Map<string, string>();
  const weightOf = ({ contract, client }: Recipient) => (desk.phase.by === 'client' ? client.weight : contract.weight) ?? 0;
  for (const each of recipients) if (weightOf(each) <= 0) reasons.set(each.contract.id, 'no_weight');
  const weighted = recipients.filter((each) => weightOf(each) > 0);
  // Who cannot take part earns nothing, or what it saved up would flood it later (W2).
  const eligible = ableOf(desk, weighted, []);
  for (const { contract } of weighted) {
    const cap = sharedCap(desk, [], contract);
    if (cap && !sibling(desk, [], contract) && fitsWith(desk, [contract])) reasons.set(contract.id, cap);
  }
  const total = eligible.reduce((sum, each) => add(sum, decimal(weightOf(each))), NONE);
  const shares = new Map(eligible.map((each) => [each.id, over(decimal(weightOf(each)), total)]));
  // Sharing can leave fewer picks than the rule takes; everybody earns for as many as there are.
  for (let wanted = Math.min(desk.takeLeft, eligible.length); ; wanted--) {
    const outcome = desk.phase.reset === 'never'
      ? byCredit(desk, eligible, shares, wanted, new Map(reasons)) : byInterval(desk, eligible, shares, wanted, new Map(reasons));
    if (outcome.picks.length >= wanted || outcome.picks.length === 0) return explained(desk, eligible, outcome);
  }
}

/** W2, after Tijdeman: each lead pays every eligible its share, the winner pays one. */
function byCredit(desk: Desk, eligible: readonly Recipient[], shares: Shares, wanted: number, reasons: Map<string, string>): Outcome {
  const earned = earnings(shares, wanted);
  const credits = creditsOf(desk.history, desk.phase.key, desk.phase.by);
  for (const [id, gain] of earned) credits.set(id, add(credits.get(id) ?? NONE, gain));
  const outcome: Outcome = { picks: [], reasons, earned, turned: new Set() };
  const threshold = eligible.length > 1 ? fraction(1, 2 * eligible.length - 2) : NONE;
  const credit = ({ id }: Recipient) => credits.get(id) ?? NONE;
  const slack = (each: Recipient) => over(minus(minus(ONE, threshold), credit(each)), earned.get(each.id) ?? ONE);
  pickEach(desk, eligible, wanted, outcome, (able) => {
    const urgent = able.filter((each) => compareFractions(credit(each), threshold) >= 0);
    if (urgent.length > 0) return best(desk, urgent, (a, b) => compareFractions(slack(a), slack(b)));
    return best(desk, able, (a, b) => compareFractions(credit(b), credit(a)));
  });
  return outcome;
}

/** The first by an order and the rule's tie-breaks; `tied` says that a turn among them decided (RR6). */
function best(desk: Desk, able: readonly Recipient[], order: Order): { winner?: Recipient; tied: boolean } {
  const methods = [desk.phase.base, desk.phase.secondary];
  const tie = fullOrder(desk, methods);
  const turn = beforeTurn(desk, methods);
  const [winner] = [...able].sort((a, b) => order(a, b) || tie(a, b));
  const equal = (each: Recipient) => winner !== undefined && each !== winner && order(each, winner) === 0 && turn?.(each, winner) === 0;
  return { winner, tied: able.some(equal) };
}

type Choose = (able: readonly Recipient[]) => { winner?: Recipient; tied: boolean };

function pickEach(desk: Desk, eligible: readonly Recipient[], wanted: number, outcome: Outcome, choose: Choose): void {
  while (outcome.picks.length < wanted) {
    const left = eligible.filter(({ contract }) => !outcome.picks.includes(contract));
    const able = ableOf(desk, left, outcome.picks);
    const score = scoreOrder(desk);
    const { winner, tied } = choose(able.filter((each) => !able.some((other) => score(other, each) < 0)));
    if (!winner) return;
    outcome.picks.push(winner.contract);
    if (tied) outcome.turned.add(winner.contract.id);
  }
}

function sibling({ before }: Desk, picks: readonly Contract[], contract: Contract): boolean {
  return [...before, ...picks].some((pick) => conflicts(pick, contract));
}

function ableOf(desk: Desk, left: readonly Recipient[], picks: readonly Contract[]): Recipient[] {
  return left.filter(({ contract }) => couldJoin(desk, picks, contract));
}

function explained(desk: Desk, eligible: readonly Recipient[], outcome: Outcome): Outcome {
  const { picks, reasons } = outcome;
  for (const { contract } of eligible.filter((each) => !picks.includes(each.contract))) {
    const cap = sharedCap(desk, picks, contract);
    if (picks.length >= desk.takeLeft) reasons.set(contract.id, 'take_reached');
    else if (cap && !sibling(desk, picks, contract) && fitsWith(desk, [...picks, contract])) reasons.set(contract.id, cap);
  }
  return outcome;
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
      const earned = earnedAt(history, history.indexOf(fact), rule);
      for (const [id, gain] of earned) move(id, gain);
      if (earned.size > 0) for (const each of picked) move(each[by], fraction(-1));
    }
    if (fact.type !== 'turnedDown') continue;
    const turned = reservations(history).filter((each) => each.lead === fact.lead && each.contract === fact.contract
      && history.indexOf(each) < history.indexOf(fact)).pop();
    if (turned?.rule !== rule) continue;
    const picks = fraction(1, reservations(history).filter((each) => each.rule === rule && each.round === turned.round).length);
    const earned = earnedAt(history, turned.round, rule);
    if (earned.size > 0) move(turned[by], ONE);
    for (const [id, gain] of earned) move(id, minus(NONE, times(gain, picks)));
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
function byInterval(desk: Desk, eligible: readonly Recipient[], shares: Shares, wanted: number, reasons: Map<string, string>): Outcome {
  const { history, phase, now } = desk;
  const interval = intervalOf(desk, now);
  const given = reservations(history)
    .filter((each) => each.rule === phase.key && stands(history, each) && intervalOf(desk, each.at) === interval);
  const outcome: Outcome = { picks: [], reasons, turned: new Set() };
  pickEach(desk, eligible, wanted, outcome, (able) => {
    const received = (id: string) => fraction(given.filter((each) => each[phase.by] === id).length);
    const leads = fraction(given.length + outcome.picks.length + 1);
    const due = ({ id }: Recipient) => minus(times(shares.get(id) ?? NONE, leads), received(id));
    return best(desk, able, (a, b) => compareFractions(due(b), due(a)));
  });
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
  const rest = recipients.filter((each) => percent(each) === undefined).sort(tie);
  const beyond = recipients.filter((each) => percent(each) !== undefined && !first.includes(each) && !held.includes(each)).sort(tie);
  takeInOrder(desk, [...first, ...rest, ...beyond].sort(scoreOrder(desk)), outcome.picks, outcome.reasons);
  outcome.turned = turnedIn(desk, first, [rest, beyond], outcome.picks, (a, b) => compareFractions(behind(b), behind(a)));
  for (const { contract } of held) outcome.reasons.set(contract.id, 'held_back');
  return outcome;
}

/** RR6 of a percentage rule: among those within their share by how far they are behind, among the rest by the base method alone. */
function turnedIn(
  desk: Desk, first: readonly Recipient[], rest: readonly (readonly Recipient[])[], picks: readonly Contract[], behind: Order,
): Set<string> {
  const turn = beforeTurn(desk, [desk.phase.base, desk.phase.secondary]);
  if (!turn) return new Set();
  const decided = (pick: Contract, place: number) => [first, ...rest].some((part) => {
    const winner = part.find(({ contract }) => contract === pick);
    return winner !== undefined && part.some((each) => each !== winner && couldJoin(desk, picks.slice(0, place), each.contract)
      && (part !== first || behind(each, winner) === 0) && turn(each, winner) === 0);
  });
  return new Set(picks.filter(decided).map(({ id }) => id));
}
