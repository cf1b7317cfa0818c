/**
 * What would have happened: leads of the past, through another configuration, with its caps, clock and schedules. The leads come when they
 * came; who turned one down then turns it down again; what a person did by hand is done again. What was sold before the span has used up
 * what it used up.
 */
import { seededRandom } from '@sluice/kernel';
import type { ConfigDocument } from './document.js';
import { Due } from './due.js';
import type { HistoryLine, HistoryPick } from './history.js';
import { InferredPresence } from './inferred-presence.js';
import { itemsOf } from './items.js';
import { Market, type RegexEngine } from './market.js';
import { Past, type PastLead } from './past.js';
import { GATES } from './reasons.js';
import { Refusals } from './refusals.js';
import { Outcomes, outcomeOf, type Outcome } from './replay-outcomes.js';
import { reportOf, type ReplayReport } from './replay-report.js';
import { expectHost, type ScriptHost } from './script-host.js';
import { Simulation, type Attempt, type Track } from './simulation.js';

export interface ReplayOptions {
  /** The configuration that is tried out. Throws RangeError where it cannot be compiled. */
  readonly document: ConfigDocument;
  /** What it is compared with, run through the same simulation; unset = with what happened. */
  readonly baseline?: ConfigDocument;
  /** Leads received before this instant are counted as they were sold; those after it are decided again. Epoch milliseconds. */
  readonly from: number;
  /** Up to this instant: leads from it on are left out, and the clock stops at it. */
  readonly until: number;
  readonly regex?: RegexEngine;
  /** Runs the scripts of both. */
  readonly scripts?: ScriptHost;
  readonly seed?: string;
  /** Who never had a lead accepts it (`same`, if unset), or turns it down as often as it did others until then (`rate`). */
  readonly refusals?: 'same' | 'rate';
}

/** Takes the lines of a history one by one, in their order, and says at the end what differs. Keeps only leads that still wait. */
export class Replay {
  private readonly worlds: World[];
  /** What happened, lead by lead, where it is what the new configuration is compared with. */
  private readonly happened: Outcomes | null;
  private readonly pairs = new Map<string, string>();
  private warmed = 0;
  private leads = 0;
  private moved = 0;
  private last = -Infinity;

  constructor(private readonly options: ReplayOptions) {
    this.happened = options.baseline ? null : new Outcomes();
    const settled = (leadId: string, outcome: Outcome) => this.pair(leadId, outcome);
    this.worlds = [options.document, options.baseline].flatMap((each) => (each ? [new World(each, options, settled)] : []));
  }

  /** One lead of the past. Throws RangeError where it came before the one before it. */
  take(line: HistoryLine): void {
    const { receivedAt, leadId } = line.lead;
    if (receivedAt < this.last) throw new RangeError(`lead ${leadId} was received before the one above it`);
    if (receivedAt >= this.options.until) return;
    this.last = receivedAt;
    const isPast = receivedAt < this.options.from;
    if (isPast) this.warmed++; else this.leads++;
    if (!isPast && this.happened) {
      const outcome = outcomeOf(line);
      this.happened.add(outcome);
      this.pair(leadId, outcome);
    }
    for (const world of this.worlds) if (isPast) world.remember(line); else world.receive(line);
  }

  /** Lets the clock run out, and compares. */
  end(): ReplayReport {
    for (const world of this.worlds) world.end();
    const [changed, baseline] = this.worlds as [World, World?];
    return reportOf({
      currency: this.options.document.currency ?? 'USD', leads: this.leads, warmed: this.warmed, moved: this.moved,
      clientOf: (id) => changed.clientOf(id) ?? baseline?.clientOf(id), known: changed.contractIds(),
      before: this.happened ?? baseline!.outcomes, after: changed.outcomes,
    });
  }

  /** Whoever has both sides of a lead tells whether others got it. */
  private pair(leadId: string, { sold }: Outcome): void {
    const buyers = sold.map(({ contractId }) => contractId).sort().join('|');
    // What happened is told before what would have, so that only those that wait are remembered.
    const other = this.pairs.get(leadId);
    if (other === undefined) { this.pairs.set(leadId, buyers); return; }
    this.pairs.delete(leadId);
    if (other !== buyers) this.moved++;
  }
}

/** A configuration with its clock, on which the leads of the past come in. */
class World {
  readonly outcomes = new Outcomes();
  private readonly market: Market;
  private readonly simulation: Simulation;
  private readonly past: Past;
  private readonly presence: InferredPresence;
  private readonly refusals: Refusals;
  /** What is still to come besides leads: late sales of the past, what was done by hand, who was there. */
  private readonly later = new Due<() => void>();
  private readonly open = new Map<Track, { returned: ReadonlySet<string>; byHand: number }>();
  private places = 0;
  private taken = 0;

  constructor(
    document: ConfigDocument, private readonly options: ReplayOptions,
    private readonly settled: (leadId: string, outcome: Outcome) => void,
  ) {
    this.market = Market.compile(itemsOf(document), { regex: options.regex, deliversAlways: true });
    const seed = (text: string) => seededRandom(`${options.seed ?? 'replay'}|${text}`).next();
    this.simulation = new Simulation(this.market, seed, (attempt) => this.hear(attempt), () => 'no', true);
    expectHost(document, options.scripts);
    this.simulation.scripts = options.scripts;
    this.refusals = new Refusals(options.refusals === 'rate' ? seed : undefined);
    this.past = new Past(this.market, this.simulation.state);
    this.presence = new InferredPresence(this.market, this.simulation);
  }

  clientOf(contractId: string): string | undefined {
    return this.market.contracts.get(contractId)?.client.id;
  }

  contractIds(): string[] {
    return [...this.market.contracts.values()].sort((a, b) => a.entry - b.entry).map(({ id }) => id);
  }

  /** A lead from before the span: it was sold as it was. */
  remember(line: HistoryLine): void {
    const { lead, picks } = line;
    this.runTo(lead.receivedAt);
    this.notePresence(line);
    this.refusals.learn(picks);
    const past = this.past.arrive(lead);
    for (const pick of picks) if (!TURNED_DOWN.has(pick.state)) this.rememberSale(past, pick);
  }

  private rememberSale(past: PastLead, { contractId, priceMinor, rule, at, state, settledAt }: HistoryPick): void {
    const sale = { contractId, priceMinor: BigInt(priceMinor), rule, at: Math.max(at, this.simulation.now) };
    const sell = () => {
      const holdings = this.past.sell(past, sale);
      // What it gave back then is free for those that come after.
      if (state === 'returned' && settledAt !== undefined) this.at(settledAt, () => this.past.giveBack(past, holdings, settledAt));
    };
    if (at <= this.simulation.now) sell(); else this.at(at, sell);
  }

  receive(line: HistoryLine): void {
    const { lead, attempts, picks } = line;
    this.runTo(lead.receivedAt);
    const byHand = picks.filter((pick) => isByHand(pick, attempts) && this.market.contracts.has(pick.contractId));
    this.notePresence(line);
    this.simulation.receive(lead, this.refusals.answersTo(lead.leadId, picks));
    this.refusals.learn(picks);
    const track = this.simulation.tracks.get(lead.leadId)!;
    const returned = new Set(picks.filter(({ state }) => state === 'returned').map(({ contractId }) => contractId));
    this.open.set(track, { returned, byHand: byHand.length });
    for (const pick of byHand) this.at(pick.at, () => this.doByHand(track, pick));
    this.settleIfDone(track);
    if (++this.taken % SWEEP_EVERY === 0) this.sweep();
  }

  end(): void {
    this.runTo(this.options.until);
    for (const track of [...this.open.keys()]) this.settle(track);
  }

  private at(instant: number, work: () => void): void {
    this.later.push(instant, ++this.places, work);
  }

  private runTo(instant: number): void {
    if (this.simulation.now === 0) this.start(instant);
    for (let next = this.later.peek(); next !== undefined && next.at <= instant; next = this.later.peek()) {
      this.later.pop();
      this.simulation.runTo(next.at);
      next.item();
    }
    this.simulation.runTo(instant);
  }

  private start(instant: number): void {
    this.simulation.now = instant;
    this.simulation.state.follow(this.market, instant);
  }

  private notePresence(line: HistoryLine): void {
    for (const pick of this.presence.shownBy(line)) {
      if (pick.at <= this.simulation.now) this.presence.seen(pick); else this.at(pick.at, () => this.presence.seen(pick));
    }
  }

  private doByHand(track: Track, { contractId, rule }: HistoryPick): void {
    const trigger = rule === 'cherryPick' ? 'cherryPick' : 'manual';
    this.simulation.attempt(track, { trigger, contracts: [contractId], overrides: GATES });
    this.simulation.wakeFreed();
    this.open.get(track)!.byHand--;
    this.settleIfDone(track);
  }

  private hear({ track, trigger, decision }: Attempt): void {
    if (trigger === 'arrival' || (trigger === 'push' && track.life.rounds <= 1)) this.outcomes.lose(decision);
  }

  private settleIfDone(track: Track): void {
    if (!this.simulation.waits(track) && this.open.get(track)?.byHand === 0) this.settle(track);
  }

  private settle(track: Track): void {
    const { returned } = this.open.get(track)!;
    this.open.delete(track);
    this.simulation.letGo(track);
    const outcome = outcomeOfTrack(track, returned);
    this.outcomes.add(outcome);
    this.settled(track.lead.leadId, outcome);
  }

  /** Windows that ended by themselves meanwhile are let go, and buckets that are over are forgotten. */
  private sweep(): void {
    for (const track of [...this.open.keys()]) this.settleIfDone(track);
    const { state, now } = this.simulation;
    state.takeDirty();
    state.sweep(now);
  }
}

const SWEEP_EVERY = 20_000;
const TURNED_DOWN: ReadonlySet<string> = new Set(['rejected', 'failed', 'released']);

function isByHand({ rule, at }: HistoryPick, attempts: HistoryLine['attempts']): boolean {
  return rule === 'manual' || rule === 'cherryPick' || attempts.some((attempt) => attempt.at === at && attempt.trigger === 'manual');
}

function outcomeOfTrack(track: Track, returned: ReadonlySet<string>): Outcome {
  const holdings = Simulation.assigned(track);
  const sold = holdings.filter(({ state }) => state !== 'reserved').map(({ contractId, price }) =>
    ({ contractId, priceMinor: BigInt(price), returned: returned.has(contractId) }));
  const waits = holdings.some(({ state }) => state === 'reserved');
  return { sold, reason: sold.length > 0 ? null : waits ? 'unanswered' : track.last?.reason ?? 'no_workflow' };
}
