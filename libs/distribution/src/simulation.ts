/**
 * A run of leads on a virtual clock, in memory, on the live decision code: what the engine, the window timers and the clients' answers do
 * between them, without any of their machinery. Clients answer at once.
 */
import { parseDuration } from '@sluice/kernel';
import { nextChance } from './chance.js';
import { decide } from './decide.js';
import type { Decision, Request, Seed, Trigger, Verdict } from './decision.js';
import { Due } from './due.js';
import { explain, reasonOf } from './explain.js';
import { newLife, type Holding, type Lead, type Life } from './lead.js';
import type { Market } from './market.js';
import type { UnsoldReason } from './reasons.js';
import { timesOutAt } from './push.js';
import { accept, release, reserve, returned } from './reserve.js';
import { shares, stands } from './scene.js';
import type { ScriptHost } from './script-host.js';
import { State } from './state.js';
import { decideWindow, dueAt, evolveWindow, type WindowCommand, type WindowState } from './window.js';

/** How the clients of a lead answer; who is not named accepts. */
export interface Answers { rejectedBy: ReadonlySet<string>; failedBy: ReadonlySet<string>; unansweredBy: ReadonlySet<string> }

export interface Track {
  lead: Lead; life: Life; answers: Answers; window?: WindowState;
  /** When time alone may end its wait. */
  chanceAt: number;
  /** What is still asked of its last attempt; the decision itself is let go, as a long run has millions. */
  last?: { reason: UnsoldReason | null; full: boolean; codes?: Map<string, string> };
  /** Clients of whom a unit given back may end its wait. */
  waitsForUnitOf?: ReadonlySet<string>;
  /** Its place among those that wait, and where it stands in the queue. */
  rank: number;
  queuedAt: number;
  /** The leads of others may end its wait, without a unit that is given back. */
  isRestless?: boolean;
}

export interface Attempt { at: number; track: Track; trigger: Trigger; decision: Decision; verdicts: readonly Verdict[];
  reason: UnsoldReason | null }

/** Reasons that a unit given back can end. */
const FREED: ReadonlySet<string> = new Set([
  'cap_hour', 'cap_day', 'cap_week', 'cap_month', 'cap_total', 'order_exhausted', 'credit_limit', 'percentage_limit',
]);

/** Reasons that other leads, or time at an instant that is not asked for, can end. */
const RESTLESS: ReadonlySet<string> = new Set([
  'held_back', 'rule_minimum', 'total_minimum', 'duplicate_person', 'delivery_suspended', 'script', 'internal_error', 'not_active',
  'percentage_limit',
]);

/** At the same instant windows come before leads that are held. */
const AFTER_WINDOWS = 2 ** 50;

function isByHand({ trigger }: Pick<Request, 'trigger'>): boolean {
  return trigger === 'manual' || trigger === 'cherryPick';
}

/**
 * Whether the workflow runs again after a refusal (F5). Who gave the lead to contracts of his choice, or took it from the pool, looks at it
 * himself and goes on, or does not; who had rules decide has them decide again, but while the lead's window rests.
 */
function fallsBack({ lead, window }: Track, { trigger, workflow, contracts }: Request): boolean {
  if (trigger !== 'manual') return trigger !== 'cherryPick';
  return workflow !== undefined && contracts === undefined && lead.campaignId !== '' && window?.state !== 'paused' && window?.state !== 'stopped';
}

/** The last periodic try before it expires: what it finds is the reason that is told in the end. */
function lastBeat({ nextAt, everyMs, expiresAt }: WindowState): number {
  return nextAt < expiresAt ? nextAt + Math.floor((expiresAt - 1 - nextAt) / everyMs) * everyMs : -Infinity;
}

/** What the platform would answer with a conflict: nothing changes, and the world goes on. */
export class Refusal extends Error {}

export class Simulation {
  readonly state = State.load();
  readonly tracks = new Map<string, Track>();
  now = 0;
  private readonly waiting = new Set<Track>();
  private readonly held = new Set<Track>();
  /** Who waits, by when it is to be tried; entries that are out of date are dropped when they come up. */
  private readonly queue = new Due<Track>();
  /** Of those that wait, the ones that a unit of a client would help. */
  private readonly waitingForUnit = new Map<string, Set<Track>>();
  /** Clients that a unit was given back of; null = of whom it is cannot be told. */
  private freed: Set<string> | null = new Set();
  private outbound = 0;
  private ranks = 0;
  /** Runs the configuration's scripts; set before the first lead comes. */
  scripts: ScriptHost | undefined;

  /** `onAttempt` hears every attempt. `explained`: of which leads it wants the verdicts of all contracts, and of which they are kept. */
  constructor(readonly market: Market, private readonly seed: Seed, private readonly onAttempt: (attempt: Attempt) => void,
    private readonly explained: (leadId: string) => 'no' | 'told' | 'kept',
    /** Leaves out periodic tries that can find nothing new, as nothing was heard of in the meantime; what is sold to whom is the same. */
    private readonly skipsVainTries = false) {}

  receive(lead: Lead, answers: Answers): void {
    if (this.tracks.has(lead.leadId)) throw new RangeError(`lead ${lead.leadId} comes twice`);
    const track: Track = { lead, life: newLife(), answers, chanceAt: Infinity, rank: 0, queuedAt: Infinity };
    this.tracks.set(lead.leadId, track);
    const workflow = this.market.workflowOf(lead.campaignId);
    const push = workflow === undefined && this.market.strategiesOf(lead.campaignId).length > 0;
    if (!push && (workflow === undefined || workflow.mode === 'off')) return;
    const decision = this.attempt(track, { trigger: push ? 'push' : 'arrival' });
    const { window, mode } = { window: workflow?.body.window, mode: workflow?.mode };
    if (mode === 'window' && window) {
      this.command(track, { kind: 'open', lengthMs: parseDuration(window.length), everyMs: parseDuration(window.every),
        pauseExtends: workflow!.body.pauseExtends });
      // The attempt at arrival came before the window: what it waits for is known only now.
      this.look(track, decision);
      this.fulfilIfFull(track);
    }
    this.wakeFreed();
  }

  /**
   * One round: decide, reserve, and hear the answers in the order of the reservations. After each that turns the lead down it falls back at
   * once, with the others as given, whether they have answered or not (F5); whom that reserves answers after them.
   */
  attempt(track: Track, request: Request): Decision {
    let decision = this.decideOnce(track, request);
    const fallback: Request = request.trigger === 'push' ? { trigger: 'push' } : { trigger: 'fallback', workflow: request.workflow };
    for (let place = 0; place < track.life.picks.length; place++) {
      const refused = this.answer(track, track.life.picks[place]!);
      if (!refused) continue;
      if (fallsBack(track, request) && this.beforeDeadline(track)) decision = this.decideOnce(track, fallback);
      else if (track.last) {
        // The place that it had is free again.
        if (request.trigger !== 'cherryPick') track.last.full = false;
        track.last.reason ??= 'rejected_before';
      }
    }
    this.fulfilIfFull(track);
    return decision;
  }

  private decideOnce(track: Track, request: Request): Decision {
    const { market, state, now } = this;
    const { lead } = track;
    const hooks = this.scripts?.hooksOf(market, state);
    const decision = decide(market, state, lead, track.life, hooks ? { ...request, hooks } : request, now, this.seed);
    this.scripts?.settled(state, decision, now);
    const wanted = this.explained(lead.leadId);
    const verdicts = wanted !== 'no' ? explain(market, lead, decision.verdicts, now,
      { state, life: track.life, trigger: request.trigger, overrides: request.overrides }) : [];
    const { life } = reserve(market, state, lead, track.life, decision, now, () => `O${++this.outbound}`);
    track.life = life;
    const wasFull = track.last?.full ?? false;
    track.last = {
      reason: reasonOf(decision, verdicts),
      // What a client takes from the pool is in no share count (A4): the lead has as much room as before.
      // And so it has after a person's attempt, whatever of it was in vain.
      full: request.trigger === 'cherryPick' ? wasFull : decision.full || (request.trigger === 'manual' && wasFull),
      codes: wanted === 'kept' ? new Map(verdicts.map(({ contractId, code }) => [contractId, code])) : undefined,
    };
    this.waitsForUnit(track, undefined);
    this.holdIfNobody(track, request, decision);
    if (track.window || this.held.has(track)) this.look(track, decision);
    this.onAttempt({ at: now, track, trigger: request.trigger, decision, verdicts, reason: track.last.reason });
    return decision;
  }

  /**
   * A person's attempt that finds nobody neither begins nor ends a wait, nor does what a client takes from the pool (A4). What waits for
   * the client that it names is tried by its window where it has one, and no longer than that.
   */
  private holdIfNobody(track: Track, request: Request, decision: Decision): void {
    if (request.trigger === 'cherryPick' || (isByHand(request) && decision.kind === 'unsold')) return;
    const workflow = this.market.workflowOf(track.lead.campaignId);
    const byWindow = workflow !== undefined && (track.window !== undefined || workflow.mode === 'window');
    if (decision.kind === 'unsold' && decision.held && !byWindow) this.hold(track); else this.held.delete(track);
  }

  private hold(track: Track): void {
    if (this.held.has(track)) return;
    this.held.add(track);
    if (!this.waiting.has(track)) track.rank = AFTER_WINDOWS + ++this.ranks;
  }

  /** What a lead that waits is waiting for: when time alone may end it, and whose units given back may. */
  private look(track: Track, decision: Decision): void {
    const { verdicts } = decision;
    // What was picked may have made room for a sibling; and what a person asks says nothing of whom he did not ask for.
    track.isRestless = decision.kind === 'distributed' || isByHand(decision) || verdicts.some(({ code }) => RESTLESS.has(code))
      || this.countsTries(track, verdicts);
    track.chanceAt = nextChance(this.market, this.state, track.lead, verdicts, this.now);
    // Whom something else shuts out as well, a unit alone does not help.
    const shut = verdicts.filter(({ gates }) => gates.length > 0 && gates.every((gate) => FREED.has(gate)));
    this.waitsForUnit(track, new Set(shut.map(({ clientId }) => clientId)));
    this.enqueue(track);
  }

  /** Where shares are counted, a try in a new timeframe counts the lead once more, even in vain. */
  private countsTries({ lead }: Track, verdicts: Decision['verdicts']): boolean {
    const { market } = this;
    return market.workflowOf(lead.campaignId)?.phases.some(({ method }) => method === 'percentage') === true
      || verdicts.some(({ contractId }) => (market.contracts.get(contractId)?.qualified.length ?? 0) > 0);
  }

  private waitsForUnit(track: Track, of: ReadonlySet<string> | undefined): void {
    for (const clientId of track.waitsForUnitOf ?? []) this.waitingForUnit.get(clientId)?.delete(track);
    track.waitsForUnitOf = of;
    for (const clientId of of ?? []) {
      const tracks = this.waitingForUnit.get(clientId);
      if (tracks) tracks.add(track); else this.waitingForUnit.set(clientId, new Set([track]));
    }
  }

  /** A client's answer, once; what it took from the pool it keeps. True where it turned the lead down. */
  private answer(track: Track, { outboundLeadId, contractId, state }: Holding): boolean {
    const { rejectedBy, failedBy, unansweredBy } = track.answers;
    if (state !== 'reserved' || unansweredBy.has(contractId)) return false;
    const outcome = rejectedBy.has(contractId) ? 'rejected' : failedBy.has(contractId) ? 'failed' : null;
    if (outcome === null) { track.life = accept(track.life, outboundLeadId); return false; }
    track.life = release(this.market, this.state, track.life, outboundLeadId, outcome);
    if (track.last) track.last.full = false;
    this.free(track, contractId);
    return true;
  }

  private beforeDeadline(track: Track): boolean {
    const { lead, window } = track;
    if (window) return this.now < window.expiresAt;
    // Its window opens when the first round is over, and lasts from then.
    if (this.market.workflowOf(lead.campaignId)?.mode === 'window') return true;
    const length = this.market.campaigns.get(lead.campaignId)?.body.deadline;
    return length === undefined || this.now < lead.receivedAt + parseDuration(length);
  }

  /** Who paid for it and still holds it, in order of assignment. */
  static assigned(track: Track): Holding[] {
    return track.life.picks.filter((holding) => stands(holding) || holding.state === 'cherryPicked' || holding.state === 'returned');
  }

  command(track: Track, command: WindowCommand): void {
    for (const event of decideWindow(track.window, command, this.now)) {
      if (event.type === 'refused') throw new Refusal(`window of lead ${track.lead.leadId}: ${event.reason}`);
      track.window = evolveWindow(track.window, event);
      this.wait(track, track.window?.state === 'open' || track.window?.state === 'paused');
      if (event.type === 'requested') this.attempt(track, { trigger: 'window' });
      else if (event.type === 'expired') this.expire(track);
      else if (event.type === 'opened' && this.market.workflowOf(track.lead.campaignId)) this.held.delete(track);
    }
  }

  /** A window opened by hand: on any lead with a campaign; it is tried at once. */
  openWindow(track: Track, length: string | undefined, every: string | undefined): void {
    if (track.lead.campaignId === '') throw new Refusal(`lead ${track.lead.leadId} has no campaign, and so no window`);
    const workflow = this.market.workflowOf(track.lead.campaignId)?.body;
    const known = workflow?.window;
    const lengthMs = parseDuration(length ?? known?.length ?? 'P1D');
    this.command(track, { kind: 'open', lengthMs, everyMs: parseDuration(every ?? known?.every ?? 'PT15M'),
      pauseExtends: workflow?.pauseExtends });
    this.command(track, { kind: 'wake' });
  }

  private wait(track: Track, isOpen: boolean): void {
    if (!isOpen) { this.waiting.delete(track); this.waitsForUnit(track, undefined); } else if (!this.waiting.has(track)) {
      this.waiting.add(track);
      track.rank = ++this.ranks;
    }
    this.enqueue(track);
  }

  private fulfilIfFull(track: Track): void {
    const { window, last, life } = track;
    if (!window || !last?.full || (window.state !== 'open' && window.state !== 'paused')) return;
    const counts = this.market.workflowOf(track.lead.campaignId)?.cherryPickCounts ?? false;
    if (life.picks.some(({ state }) => state === 'reserved') || !life.picks.some((pick) => shares(pick, counts))) return;
    this.command(track, { kind: 'fulfil' });
  }

  private expire(track: Track): void {
    const fallback = this.market.workflowOf(track.lead.campaignId)?.body.fallback;
    if (fallback !== undefined) this.attempt(track, { trigger: 'window', workflow: fallback });
  }

  /** Something changed that may end any wait (A2), or somebody became active. */
  wakeAll(): void {
    for (const track of [...this.waiting]) if (track.window?.state === 'open') this.command(track, { kind: 'wake' });
    this.tryHeld([...this.held]);
  }

  /** Somebody became active (D4): oldest first. What is held for the client that it names waits for nobody's presence. */
  wakeHeld(): void {
    this.tryHeld([...this.held].filter((track) => this.retry(track) === 'push'));
  }

  private tryHeld(held: Track[]): void {
    held.sort((a, b) => (a.life.heldSince ?? 0) - (b.life.heldSince ?? 0) || a.lead.receivedAt - b.lead.receivedAt);
    for (const track of held) this.attempt(track, { trigger: this.retry(track) });
    // The spans of strategies may have changed, and with them when a wait is over.
    for (const track of this.held) this.enqueue(track);
    this.wakeFreed();
  }

  /** A held lead waits for its branch or user, or for the client that it names. */
  private retry({ lead }: Track): Trigger {
    return this.market.workflowOf(lead.campaignId) ? 'window' : 'push';
  }

  giveBack(track: Track, contractId: string): void {
    const holding = track.life.picks.find((pick) => pick.contractId === contractId && ['accepted', 'cherryPicked'].includes(pick.state));
    if (!holding) throw new Refusal(`contract ${contractId} does not hold lead ${track.lead.leadId}`);
    track.life = returned(this.market, this.state, track.life, holding.outboundLeadId, this.now);
    this.free(track, contractId);
    this.wakeFreed();
  }

  /** A unit of the contract came back, and with it one of its client, of their group and of the campaign where those have limits. */
  private free({ lead }: Track, contractId: string): void {
    const contract = this.market.contracts.get(contractId);
    const mine = contract && contract.sharedLimits.length === 0 && !this.market.campaigns.get(lead.campaignId)?.limits.length;
    if (mine) this.freed?.add(contract.client.id); else this.freed = null;
  }

  /** A unit was given back: windows that wait for one are tried, until that frees nothing more. */
  wakeFreed(): void {
    for (let round = 0; this.freed?.size !== 0 && round < 100; round++) {
      const found = new Set([...(this.freed ?? this.waitingForUnit.keys())].flatMap((id) => [...(this.waitingForUnit.get(id) ?? [])]));
      this.freed = new Set();
      const tracks = [...found].filter((track) => this.waiting.has(track)).sort((a, b) => a.rank - b.rank);
      for (const track of tracks) if (track.window?.state === 'open' && track.waitsForUnitOf) this.command(track, { kind: 'wake' });
    }
    this.freed = new Set();
  }

  /** Whether anything may still become of it by itself. */
  waits(track: Track): boolean {
    return this.waiting.has(track) || this.held.has(track);
  }

  /** Forgets a lead that nothing is asked of any more: a long run has millions. */
  letGo(track: Track): void {
    this.tracks.delete(track.lead.leadId);
  }

  /** Lets the clock run to an instant; everything due until then happens at its time. */
  runTo(instant: number): void {
    for (let next = this.nextDue(); next !== undefined && next.at <= instant; next = this.nextDue()) {
      const { at, item: due } = next;
      this.now = Math.max(this.now, at);
      const chance = at >= due.chanceAt;
      // Taken now: others may have their chance at the same instant, and it must not come up again where nothing is tried.
      if (chance) due.chanceAt = Infinity;
      if (due.window && this.waiting.has(due)) this.command(due, chance && at < (dueAt(due.window) ?? Infinity) ? { kind: 'wake' }
        : { kind: 'tick' });
      else this.attempt(due, { trigger: this.retry(due) });
      this.wakeFreed();
    }
    this.now = Math.max(this.now, instant);
  }

  private enqueue(track: Track): void {
    const at = this.dueOf(track);
    if (at === Infinity || at === track.queuedAt) return;
    track.queuedAt = at;
    this.queue.push(at, track.rank, track);
  }

  /** The first that is due; it stays in the queue, and is out of date there as soon as it was tried. */
  private nextDue(): { at: number; item: Track } | undefined {
    for (let first = this.queue.peek(); first !== undefined; first = this.queue.peek()) {
      const { at, rank, item } = first;
      if (at === this.dueOf(item) && rank === item.rank) return first;
      this.queue.pop();
      if (item.queuedAt === at) item.queuedAt = Infinity;
      this.enqueue(item);
    }
    return undefined;
  }

  /** When a lead that waits is to be tried next: its window's beat or end, its time-out, or the instant that may open what is shut. */
  private dueOf(track: Track): number {
    const { window, chanceAt } = track;
    const chance = chanceAt >= this.now ? chanceAt : Infinity;
    const tick = window && this.waiting.has(track) ? dueAt(window) ?? Infinity : Infinity;
    const own = this.skipsVainTries && !track.isRestless && window?.state === 'open' ? Math.max(tick, lastBeat(window)) : tick;
    const beat = Math.min(own, window?.state === 'open' && this.waiting.has(track) ? chance : Infinity);
    return this.held.has(track) ? Math.min(beat, this.timeoutOf(track), chance) : beat;
  }

  private timeoutOf({ lead, life }: Track): number {
    const due = timesOutAt(this.market, lead, life);
    return due >= this.now ? due : Infinity;
  }
}
