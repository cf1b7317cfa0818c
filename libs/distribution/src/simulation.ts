/**
 * A run of leads on a virtual clock, in memory, on the live decision code: what the engine, the window timers and the clients' answers do
 * between them, without any of their machinery. Clients answer at once.
 */
import { parseDuration } from '@sluice/kernel';
import { nextChance } from './chance.js';
import { decide } from './decide.js';
import type { Decision, Request, Seed, Trigger, Verdict } from './decision.js';
import { explain } from './explain.js';
import { newLife, type Holding, type Lead, type Life } from './lead.js';
import type { Market } from './market.js';
import { accept, release, reserve, returned } from './reserve.js';
import { stands } from './scene.js';
import { State } from './state.js';
import { decideWindow, dueAt, evolveWindow, type WindowCommand, type WindowState } from './window.js';

/** How the clients of a lead answer; who is not named accepts. */
export interface Answers { rejectedBy: ReadonlySet<string>; failedBy: ReadonlySet<string>; unansweredBy: ReadonlySet<string> }

export interface Track {
  lead: Lead; life: Life; answers: Answers; window?: WindowState;
  /** When time alone may end its wait. */
  chanceAt: number;
  /** What is still asked of its last attempt; the decision itself is let go, as a long run has millions. */
  last?: { reason: string | null; full: boolean; waitsForUnit: boolean; codes?: Map<string, string> };
}

export interface Attempt { at: number; track: Track; trigger: Trigger; decision: Decision; verdicts: readonly Verdict[] }

/** Reasons that a unit given back can end. */
const FREED = new Set(['cap_hour', 'cap_day', 'cap_week', 'cap_month', 'cap_total', 'order_exhausted', 'credit_limit', 'percentage_limit']);

export class Simulation {
  readonly state = State.load();
  readonly tracks = new Map<string, Track>();
  now = 0;
  private readonly waiting = new Set<Track>();
  private readonly held = new Set<Track>();
  private freed = false;
  private outbound = 0;

  /** No window and no held lead is due before this; a change of one lowers it. */
  private floor = Infinity;

  /** `onAttempt` hears every attempt. `explained`: of which leads it wants the verdicts of all contracts, and of which they are kept. */
  constructor(readonly market: Market, private readonly seed: Seed, private readonly onAttempt: (attempt: Attempt) => void,
    private readonly explained: (leadId: string) => 'no' | 'told' | 'kept') {}

  receive(lead: Lead, answers: Answers): void {
    if (this.tracks.has(lead.leadId)) throw new RangeError(`lead ${lead.leadId} comes twice`);
    const track: Track = { lead, life: newLife(), answers, chanceAt: Infinity };
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

  /** One round: decide, reserve, hear the answers, and fall back until nobody turns it down any more (F5). */
  attempt(track: Track, request: Request): Decision {
    let decision = this.decideOnce(track, request);
    while (this.answer(track, decision) && this.beforeDeadline(track)) {
      const manual = request.trigger === 'manual' || request.trigger === 'cherryPick';
      // By hand the person looks at the refusal and goes on, or does not.
      if (manual) break;
      decision = this.decideOnce(track, request.trigger === 'push' ? { trigger: 'push' }
        : { trigger: 'fallback', workflow: request.workflow });
    }
    return decision;
  }

  private decideOnce(track: Track, request: Request): Decision {
    const { market, state, now } = this;
    const { lead } = track;
    const decision = decide(market, state, lead, track.life, request, now, this.seed);
    const wanted = this.explained(lead.leadId);
    const verdicts = wanted !== 'no' ? explain(market, lead, decision.verdicts, now,
      { state, life: track.life, trigger: request.trigger }) : [];
    const { life } = reserve(market, state, lead, track.life, decision, now, () => `O${++this.outbound}`);
    track.life = life;
    track.last = {
      reason: decision.kind === 'unsold' ? decision.reason : null, full: decision.full, waitsForUnit: false,
      codes: wanted === 'kept' ? new Map(verdicts.map(({ contractId, code }) => [contractId, code])) : undefined,
    };
    if (decision.kind === 'unsold' && decision.held) this.held.add(track); else this.held.delete(track);
    if (track.window || this.held.has(track)) this.look(track, decision);
    this.onAttempt({ at: now, track, trigger: request.trigger, decision, verdicts });
    return decision;
  }

  /** What a lead that waits is waiting for: when time alone may end it, and whether a unit given back may. */
  private look(track: Track, { verdicts }: Decision): void {
    track.chanceAt = nextChance(this.market, this.state, track.lead, verdicts, this.now);
    if (track.last) track.last.waitsForUnit = verdicts.some(({ gates }) => gates.some((gate) => FREED.has(gate)));
    this.floor = Math.min(this.floor, this.dueOf(track));
  }

  /** The clients' answers to what is reserved. True where one turned it down. */
  private answer(track: Track, decision: Decision): boolean {
    if (decision.picks.length === 0) return false;
    let refused = false;
    for (const { outboundLeadId, contractId, state } of track.life.picks) {
      if (state !== 'reserved' || track.answers.unansweredBy.has(contractId)) continue;
      const outcome = track.answers.rejectedBy.has(contractId) ? 'rejected' : track.answers.failedBy.has(contractId) ? 'failed' : null;
      if (outcome === null) { track.life = accept(track.life, outboundLeadId); continue; }
      track.life = release(this.market, this.state, track.life, outboundLeadId, outcome);
      refused = true;
      this.freed = true;
    }
    return refused;
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
      if (event.type === 'refused') throw new RangeError(`window of lead ${track.lead.leadId}: ${event.reason}`);
      track.window = evolveWindow(track.window, event);
      this.floor = -Infinity;
      const open = track.window?.state === 'open' || track.window?.state === 'paused';
      if (open) this.waiting.add(track); else this.waiting.delete(track);
      if (event.type === 'requested') {
        this.attempt(track, { trigger: 'window' });
        this.fulfilIfFull(track);
      } else if (event.type === 'expired') this.expire(track);
    }
  }

  /** A window opened by hand: on any lead with a campaign; it is tried at once. */
  openWindow(track: Track, length: string | undefined, every: string | undefined): void {
    const workflow = this.market.workflowOf(track.lead.campaignId)?.body;
    const known = workflow?.window;
    const lengthMs = parseDuration(length ?? known?.length ?? 'P1D');
    this.command(track, { kind: 'open', lengthMs, everyMs: parseDuration(every ?? known?.every ?? 'PT15M'),
      pauseExtends: workflow?.pauseExtends });
    this.command(track, { kind: 'wake' });
  }

  private fulfilIfFull(track: Track): void {
    const { window, last, life } = track;
    if (!window || !last?.full || (window.state !== 'open' && window.state !== 'paused')) return;
    if (life.picks.some(({ state }) => state === 'reserved') || !life.picks.some(stands)) return;
    this.command(track, { kind: 'fulfil' });
  }

  private expire(track: Track): void {
    const fallback = this.market.workflowOf(track.lead.campaignId)?.body.fallback;
    if (fallback !== undefined) this.attempt(track, { trigger: 'window', workflow: fallback });
  }

  /** Something changed that may end any wait (A2), or somebody became active (D4: oldest first). */
  wakeAll(): void {
    this.floor = -Infinity;
    for (const track of [...this.waiting]) if (track.window?.state === 'open') this.command(track, { kind: 'wake' });
    const held = [...this.held].sort((a, b) => (a.life.heldSince ?? 0) - (b.life.heldSince ?? 0) || a.lead.receivedAt - b.lead.receivedAt);
    for (const track of held) this.attempt(track, { trigger: this.retry(track) });
    this.wakeFreed();
  }

  /** A held lead waits for its branch or user, or for the client that it names. */
  private retry({ lead }: Track): Trigger {
    return this.market.workflowOf(lead.campaignId) ? 'window' : 'push';
  }

  giveBack(track: Track, contractId: string): void {
    const holding = track.life.picks.find((pick) => pick.contractId === contractId && ['accepted', 'cherryPicked'].includes(pick.state));
    if (!holding) throw new RangeError(`contract ${contractId} does not hold lead ${track.lead.leadId}`);
    track.life = returned(this.market, this.state, track.life, holding.outboundLeadId, this.now);
    this.freed = true;
    this.wakeFreed();
  }

  /** A unit was given back: windows that wait for one are tried, until that frees nothing more. */
  wakeFreed(): void {
    for (let round = 0; this.freed && round < 100; round++) {
      this.freed = false;
      for (const track of [...this.waiting]) {
        if (track.window?.state === 'open' && track.last?.waitsForUnit) this.command(track, { kind: 'wake' });
      }
    }
    this.freed = false;
  }

  /** Lets the clock run to an instant; everything due until then happens at its time. */
  runTo(instant: number): void {
    while (this.floor <= instant) {
      const [due, at] = this.nextDue();
      if (!due || at > instant) break;
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

  private nextDue(): [Track | undefined, number] {
    let first: Track | undefined;
    let at = Infinity;
    for (const tracks of [this.waiting, this.held]) {
      for (const track of tracks) {
        const due = this.dueOf(track);
        if (due < at) { first = track; at = due; }
      }
    }
    this.floor = at;
    return [first, at];
  }

  /** When a lead that waits is to be tried next: its window's beat or end, its time-out, or the instant that may open what is shut. */
  private dueOf(track: Track): number {
    const { window, chanceAt } = track;
    const chance = chanceAt >= this.now ? chanceAt : Infinity;
    const own = window && this.waiting.has(track) ? dueAt(window) ?? Infinity : Infinity;
    const beat = Math.min(own, window?.state === 'open' && this.waiting.has(track) ? chance : Infinity);
    return this.held.has(track) ? Math.min(beat, this.timeoutOf(track), chance) : beat;
  }

  private timeoutOf({ lead, life }: Track): number {
    if (life.heldSince === undefined) return Infinity;
    // Only of strategies that take this lead: another's time-out would come due again and again, and never end the wait.
    const after = this.market.strategiesOf(lead.campaignId).flatMap(({ timeout, test }) => (test(lead) ? timeout?.afterMs ?? [] : []));
    const due = life.heldSince + Math.min(...after, Infinity);
    return due >= this.now ? due : Infinity;
  }
}
