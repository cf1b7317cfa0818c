/** Push (D3, D4) the slow way: who is active, whose turn it is and what is used up is read from the list of assignments each time. */
import { bucketEnd, bucketOf, dayNumber, localDate, parseDuration } from '@sluice/kernel';
import type { ConfigDocument, Criteria, PushStrategy, Recipient } from '../document.js';
import type { Scenario } from '../scenario.js';
import type { CaseLead, LeadStep } from './case.js';
import { meets } from './criteria.js';
import { add, compareFractions, decimal, fraction, minus, over, times, zoneOf, type Fraction } from './history.js';
import { withSet, type OracleLine } from './run.js';

interface Level { strategy: PushStrategy; to: string; earned: ReadonlyMap<string, Fraction> }
interface Assignment { at: number; lead: string; path: readonly Level[] }
interface Held { lead: CaseLead; since: number }
/** Who will turn a lead down, and who has. */
interface Refusals { by: readonly string[]; had: Set<string> }
interface Run {
  document: ConfigDocument;
  started: number;
  now: number;
  given: Assignment[];
  seen: Map<string, number>;
  held: Held[];
  refusals: Map<string, Refusals>;
  lines: OracleLine[];
}

const NONE = fraction(0);
const ONE = fraction(1);

/** Every assignment of a scenario that has only push strategies, leads and people that are seen. */
export function runPush({ config, timeline = [], until }: Scenario): OracleLine[] {
  const started = Date.parse(timeline[0]?.at ?? '');
  const run: Run = { document: config, started, now: started, given: [], seen: new Map(), held: [], refusals: new Map(), lines: [] };
  for (const step of timeline) {
    advance(run, Date.parse(step.at));
    if ('seen' in step) {
      run.seen.set(step.seen.user, run.now);
      tryHeld(run);
    } else if ('set' in step) {
      run.document = withSet(run.document, step.set);
      tryHeld(run);
    } else if ('lead' in step && typeof step.lead === 'object' && 'id' in step.lead) arrive(run, step as LeadStep);
  }
  if (until !== undefined) advance(run, Date.parse(until));
  return run.lines;
}

function arrive(run: Run, { lead, rejectedBy = [] }: LeadStep): void {
  run.refusals.set(lead.id, { by: rejectedBy, had: new Set() });
  if (strategiesFor(run, lead).length > 0) give(run, lead, Infinity);
}

/**
 * To whoever takes it: one that turns it down has everything back (RR2, F4), and the next is asked (F5). Where nobody is left it is held.
 */
function give(run: Run, lead: CaseLead, since: number): void {
  run.held = run.held.filter((each) => each.lead !== lead);
  for (let from = since; ; from = Infinity) {
    const to = assign(run, lead, from);
    if (to === undefined) { run.held.push({ lead, since: Math.min(from, run.now) }); return; }
    const refusals = run.refusals.get(lead.id);
    if (!refusals?.by.includes(to)) return;
    refusals.had.add(to);
    run.given.pop();
  }
}

function advance(run: Run, to: number): void {
  for (let at = nextInstant(run); at <= to; at = nextInstant(run)) {
    run.now = at;
    tryHeld(run);
  }
  run.now = to;
}

/** Oldest first (D4). */
function tryHeld(run: Run): void {
  for (const { lead, since } of [...run.held].sort((a, b) => a.since - b.since)) give(run, lead, since);
}

function nextInstant(run: Run): number {
  const strategies = run.document.pushStrategies ?? [];
  const ends = strategies.flatMap((strategy) => strategy.recipients.flatMap(({ caps }) => (
    (['hour', 'day'] as const).filter((window) => caps?.[window] !== undefined)
      .map((window) => bucketEnd(run.now, caps?.timezone ?? zoneOf(run.document, strategy), window)))));
  const late = run.held.flatMap(({ lead, since }) => strategiesFor(run, lead)
    .flatMap(({ timeout }) => (timeout ? [since + parseDuration(timeout.after)] : [])));
  return run.held.length === 0 ? Infinity : Math.min(...[...ends, ...late].filter((at) => at > run.now));
}

function strategiesFor(run: Run, lead: CaseLead): PushStrategy[] {
  return (run.document.pushStrategies ?? []).filter(({ from, campaigns, criteria }) => (
    from === 'corporate' && campaigns?.includes(lead.campaign) === true && lets(run, criteria, lead)));
}

function lets(run: Run, criteria: Criteria | undefined, lead: CaseLead): boolean {
  return !criteria || meets(criteria, { lead, receivedAt: run.now, place: undefined });
}

/** Who got it; undefined where nobody can take it. */
function assign(run: Run, lead: CaseLead, since: number): string | undefined {
  const matching = strategiesFor(run, lead);
  const found = matching.map((strategy) => descend(run, strategy, lead)).find((path) => path !== undefined);
  // Not to somebody who turned it down.
  const late = matching.find(({ timeout }) => timeout && run.now - since >= parseDuration(timeout.after)
    && !run.refusals.get(lead.id)?.had.has(timeout.to));
  const path = found ?? (late?.timeout ? [{ strategy: late, to: late.timeout.to, earned: new Map<string, Fraction>() }] : undefined);
  if (!path) return undefined;
  run.given.push({ at: run.now, lead: lead.id, path });
  const to = path[path.length - 1]?.to ?? '';
  run.lines.push({ at: run.now, lead: lead.id, trigger: 'push', assigned: [{ contract: to, price: '0.00' }], refused: {} });
  return to;
}

type Above = readonly PushStrategy[];

/**
 * The way down to a user; undefined where nobody can take the lead. A branch can only if somebody under it can (look-ahead), and he must be
 * active for every strategy on the way.
 */
function descend(run: Run, strategy: PushStrategy, lead: CaseLead, above: Above = []): Level[] | undefined {
  const way = [...above, strategy];
  const ways = new Map<string, Level[]>();
  for (const recipient of strategy.recipients) {
    const below = belowOf(run, recipient, lead, way);
    const there = below ? below.length > 0 : way.every((each) => isActive(run, each, recipient));
    const able = mayTake(run, strategy, recipient, lead) && there;
    if (able && (strategy.method !== 'weighted' || (recipient.weight ?? 0) > 0)) ways.set(recipient.to, below?.[0] ?? []);
  }
  const eligible = strategy.recipients.filter(({ to }) => ways.has(to));
  const level = eligible.length === 0 ? undefined
    : strategy.method === 'weighted' ? byWeight(run, strategy, eligible)
      : { strategy, to: byTurn(run, strategy, eligible), earned: new Map() };
  return level && [level, ...(ways.get(level.to) ?? [])];
}

/** Ways that start at a branch; undefined for who is none, as no strategy leads on from there. */
function belowOf(run: Run, { to }: Recipient, lead: CaseLead, way: Above): Level[][] | undefined {
  const onward = (run.document.pushStrategies ?? []).filter(({ from, campaigns = [] }) => (
    from === to && (campaigns.length === 0 || campaigns.includes(lead.campaign))));
  if (onward.length === 0) return undefined;
  const matching = onward.filter(({ criteria }) => lets(run, criteria, lead));
  return matching.map((strategy) => descend(run, strategy, lead, way)).filter((path) => path !== undefined);
}

function mayTake(run: Run, strategy: PushStrategy, { to, caps, criteria }: Recipient, lead: CaseLead): boolean {
  if (!lets(run, criteria, lead) || run.refusals.get(lead.id)?.had.has(to)) return false;
  const zone = caps?.timezone ?? zoneOf(run.document, strategy);
  return (['hour', 'day'] as const).every((window) => {
    const limit = caps?.[window];
    const used = run.given.filter(({ at, path }) => path.some((level) => level.strategy.id === strategy.id && level.to === to)
      && bucketOf(at, zone, window) === bucketOf(run.now, zone, window)).length;
    return typeof limit !== 'number' || used + 1 <= limit;
  });
}

function isActive(run: Run, { onlyActiveWithin }: PushStrategy, { to }: Recipient): boolean {
  if (onlyActiveWithin === undefined) return true;
  const seen = run.seen.get(to);
  return seen !== undefined && run.now - seen <= parseDuration(onlyActiveWithin);
}

function interval(run: Run, strategy: PushStrategy, at: number): string | number {
  const zone = zoneOf(run.document, strategy);
  if (strategy.reset === 'daily') return localDate(at, zone);
  return Math.floor((dayNumber(localDate(at, zone)) - dayNumber(localDate(run.started, zone))) / 7);
}

const resets = ({ reset = 'never' }: PushStrategy) => reset !== 'never';

/** Least recently served first: by any strategy, or with a reset by this one since the reset; who never was, in order of the list. */
function byTurn(run: Run, strategy: PushStrategy, eligible: readonly Recipient[]): string {
  const turns = run.given.flatMap(({ at, path }) => path.map((level) => ({ at, ...level })));
  const everybody = (run.document.pushStrategies ?? []).flatMap(({ recipients }) => recipients.map(({ to }) => to));
  const last = ({ to }: Recipient) => {
    const served = turns.findLastIndex((turn) => turn.to === to && (!resets(strategy)
      || (turn.strategy.id === strategy.id && interval(run, strategy, turn.at) === interval(run, strategy, run.now))));
    return served >= 0 ? served + everybody.length : resets(strategy) ? 0 : everybody.indexOf(to);
  };
  const [first] = [...eligible].sort((a, b) => last(a) - last(b) || strategy.recipients.indexOf(a) - strategy.recipients.indexOf(b));
  return first?.to ?? '';
}

/** W2 by credit; with a reset W3 by what was received since. */
function byWeight(run: Run, strategy: PushStrategy, eligible: readonly Recipient[]): Level {
  const total = eligible.reduce((sum, { weight = 0 }) => add(sum, decimal(weight)), NONE);
  const shares = new Map(eligible.map(({ to, weight = 0 }) => [to, over(decimal(weight), total)]));
  const share = ({ to }: Recipient) => shares.get(to) ?? NONE;
  const place = (a: Recipient, b: Recipient) => strategy.recipients.indexOf(a) - strategy.recipients.indexOf(b);
  const mine = run.given.filter(({ path }) => path.some((level) => level.strategy.id === strategy.id));
  if (resets(strategy)) {
    const since = mine.filter(({ at }) => interval(run, strategy, at) === interval(run, strategy, run.now));
    const received = ({ to }: Recipient) => fraction(since.filter(({ path }) => path.some((level) => (
      level.strategy.id === strategy.id && level.to === to))).length);
    const due = (each: Recipient) => minus(times(share(each), fraction(since.length + 1)), received(each));
    const [first] = [...eligible].sort((a, b) => compareFractions(due(b), due(a)) || place(a, b));
    return { strategy, to: first?.to ?? '', earned: new Map() };
  }
  const credits = new Map<string, Fraction>();
  const move = (to: string, by: Fraction) => credits.set(to, clamp(add(credits.get(to) ?? NONE, by)));
  for (const level of mine.flatMap(({ path }) => path).filter((each) => each.strategy.id === strategy.id)) {
    for (const [to, gain] of level.earned) move(to, gain);
    if (level.earned.size > 0) move(level.to, fraction(-1));
  }
  const credit = (each: Recipient) => add(credits.get(each.to) ?? NONE, share(each));
  const threshold = eligible.length > 1 ? fraction(1, 2 * eligible.length - 2) : NONE;
  const urgent = eligible.filter((each) => compareFractions(credit(each), threshold) >= 0);
  const slack = (each: Recipient) => over(minus(minus(ONE, threshold), credit(each)), share(each));
  const [first] = urgent.length > 0
    ? [...urgent].sort((a, b) => compareFractions(slack(a), slack(b)) || place(a, b))
    : [...eligible].sort((a, b) => compareFractions(credit(b), credit(a)) || place(a, b));
  return { strategy, to: first?.to ?? '', earned: shares };
}

function clamp(credit: Fraction): Fraction {
  const most = fraction(5);
  if (compareFractions(credit, most) > 0) return most;
  return compareFractions(credit, minus(NONE, most)) < 0 ? minus(NONE, most) : credit;
}
