/**
 * A scenario's time line through the engine itself: this stands for all that is around it, the windows and timers of workflow and clients
 * who answer at once, in the order of the reservations. What comes of it must be what a simulation says.
 */
import {
  dueAt, decideWindow, evolveWindow, itemsOf, type ConfigItem, type ItemKind, type Scenario, type ScenarioStep, type WindowCommand,
  type WindowState,
} from '@sluice/distribution';
import {
  LeadDistributed, LeadFulfilled, LeadNotDistributed, OutboundLeadReleased, OutboundLeadReserved, type Said,
} from '@sluice/events';
import { formatMoney, mergePatch, parseDuration, seededRandom, type Json } from '@sluice/kernel';
import { linearRegex } from '@sluice/scripts';
import { Bench } from './bench.suite.js';
import { aConfiguration, aLead, aRequest, aResult, aReturn, aSign, aWindow } from './builders.suite.js';
import { keyOf, type StoredLead } from './changes.js';

const TENANT = 'simulation';
const AFTER_WINDOWS = 2 ** 50;

interface Track {
  readonly leadId: string;
  readonly campaignId: string;
  readonly rejectedBy: ReadonlySet<string>;
  readonly failedBy: ReadonlySet<string>;
  readonly unansweredBy: ReadonlySet<string>;
  window?: WindowState;
  isWaiting: boolean;
  isHeld: boolean;
  chanceAt: number;
  heldUntil: number;
  waitsOn: readonly string[];
  fulfilled: boolean;
  rank: number;
}

export interface Sold { at: string; lead: string; trigger: string; assigned: { contract: string; price: string }[] }

export class World {
  readonly sold: Sold[] = [];
  readonly tracks = new Map<string, Track>();
  private readonly bench: Bench;
  private readonly items = new Map<string, ConfigItem>();
  private version = 0;
  private now = 0;
  private ranks = 0;
  /** Clients that a unit was given back of; null: it may be anybody's. */
  private freed: Set<string> | null = new Set();

  constructor(private readonly scenario: Scenario) {
    const seed = (text: string) => seededRandom(`${scenario.seed ?? 'simulation'}|${text}`).next();
    const market = { regex: linearRegex, deliversAlways: true };
    this.bench = new Bench({ seedOf: () => seed, trace: (_leadId, parent) => parent, market });
    this.now = this.bench.memory.now = Date.parse(scenario.timeline![0]!.at);
    const items = itemsOf(scenario.config);
    for (const item of items) this.items.set(`${item.kind}|${item.id}`, item);
    this.configure(items);
  }

  run(): this {
    for (const step of this.scenario.timeline!) {
      this.runTo(Date.parse(step.at));
      this.take(step);
    }
    if (this.scenario.until !== undefined) this.runTo(Date.parse(this.scenario.until));
    return this;
  }

  stored(leadId: string): StoredLead {
    return this.bench.leads.get(keyOf(TENANT, leadId))!;
  }

  windows(): Record<string, string> {
    return Object.fromEntries([...this.tracks.values()].flatMap(({ leadId, window }) => (window ? [[leadId, window.state]] : [])));
  }

  /** Leads by contract that were delivered. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { life } of this.bench.leads.values()) {
      for (const { contractId, state } of life.picks) {
        if (['accepted', 'returned', 'cherryPicked'].includes(state)) counts[contractId] = (counts[contractId] ?? 0) + 1;
      }
    }
    return counts;
  }

  private take(step: ScenarioStep): void {
    if ('lead' in step) return this.receive(step);
    if ('set' in step) return this.changed(this.patched(step.set as Record<string, Record<string, Json>>));
    if ('distribute' in step) {
      const { lead, contracts, rules, overrides } = step.distribute;
      this.ask(this.track(lead), { trigger: 'manual', contractIds: contracts ?? [], workflowId: rules ?? '', overrides: overrides ?? [] });
      return this.wakeFreed();
    }
    if ('cherryPick' in step) {
      return this.ask(this.track(step.cherryPick.lead), { trigger: 'cherryPick', contractIds: [step.cherryPick.contract] });
    }
    if ('return' in step) {
      const { lead, contract } = step.return;
      const { outboundLeadId } = this.stored(lead).life.picks.find(({ contractId, state }) => contractId === contract
        && (state === 'accepted' || state === 'cherryPicked'))!;
      this.say([aReturn({ tenantId: TENANT, leadId: lead, outboundLeadId, contractId: contract })]);
      this.free(contract);
      return this.wakeFreed();
    }
    if ('window' in step) return this.windowStep(this.track(step.window.lead), step.window);
    if ('seen' in step) {
      this.say([aSign(TENANT, step.seen.user, this.now)]);
      return this.wakeFreed();
    }
    throw new Error('a step that this world does not know');
  }

  private receive({ lead, ...answers }: Extract<ScenarioStep, { lead: unknown }>): void {
    const track: Track = {
      leadId: lead.id, campaignId: lead.campaign ?? '', rejectedBy: new Set(answers.rejectedBy), failedBy: new Set(answers.failedBy),
      unansweredBy: new Set(answers.unansweredBy), isWaiting: false, isHeld: false, chanceAt: Infinity, heldUntil: Infinity,
      waitsOn: [], fulfilled: false, rank: 0,
    };
    this.tracks.set(lead.id, track);
    this.say([aLead(TENANT, lead.id, { campaignId: lead.campaign ?? '', receivedAt: new Date(this.now).toISOString(),
      attributes: lead.fields ?? {}, configurationVersion: this.version })]);
    const workflow = this.workflowOf(track);
    if (workflow?.mode === 'window' && workflow.window) {
      const { length, every } = workflow.window;
      this.command(track, { kind: 'open', lengthMs: parseDuration(length), everyMs: parseDuration(every),
        pauseExtends: workflow.pauseExtends });
    }
    this.wakeFreed();
  }

  /** One record after the other; what is reserved is answered behind what was reserved before. */
  private say(said: readonly Said[]): void {
    const queue = [...said];
    for (let next = queue.shift(); next; next = queue.shift()) {
      for (const { type, value } of this.bench.batch([next], this.now).said) {
        const data = JSON.parse(value) as object;
        if (type === LeadDistributed.type) this.attempted(data as LeadDistributed);
        else if (type === LeadNotDistributed.type) this.attempted({ picks: [], ...(data as LeadNotDistributed) });
        else if (type === LeadFulfilled.type) this.track((data as LeadFulfilled).leadId).fulfilled = true;
        else if (type === OutboundLeadReleased.type) this.free((data as OutboundLeadReleased).contractId);
        else if (type === OutboundLeadReserved.type) queue.push(...this.answerTo(data as OutboundLeadReserved));
      }
    }
    for (const track of this.tracks.values()) if (track.fulfilled && track.isWaiting) this.command(track, { kind: 'fulfil' });
  }

  private answerTo(reserved: OutboundLeadReserved): Said[] {
    const { rejectedBy, failedBy, unansweredBy } = this.track(reserved.leadId);
    const { contractId, outboundLeadId } = reserved;
    // What a client took from the pool it keeps.
    const holding = this.stored(reserved.leadId).life.picks.find((pick) => pick.outboundLeadId === outboundLeadId);
    if (holding?.state === 'cherryPicked') return [aResult('accepted', reserved)];
    if (unansweredBy.has(contractId)) return [];
    return [aResult(rejectedBy.has(contractId) ? 'rejected' : failedBy.has(contractId) ? 'failed' : 'accepted', reserved)];
  }

  private attempted(outcome: LeadDistributed & Pick<LeadNotDistributed, 'held' | 'heldUntil'>): void {
    const track = this.track(outcome.leadId);
    track.chanceAt = outcome.nextChanceAt ? Date.parse(outcome.nextChanceAt) : Infinity;
    track.waitsOn = outcome.waitsOn ?? [];
    const isHeld = outcome.held === true || (outcome.trigger === 'cherryPick' && track.isHeld);
    if (isHeld && !track.isHeld && !track.isWaiting) track.rank = AFTER_WINDOWS + ++this.ranks;
    track.isHeld = isHeld;
    if (outcome.heldUntil) track.heldUntil = Date.parse(outcome.heldUntil);
    if (outcome.picks.length === 0) return;
    this.sold.push({
      at: new Date(this.now).toISOString(), lead: outcome.leadId, trigger: outcome.trigger,
      assigned: outcome.picks.map(({ contractId, priceMinor }) => ({ contract: contractId!,
        price: formatMoney(BigInt(priceMinor ?? 0), 'USD') })),
    });
  }

  private ask({ leadId }: Track, over: Parameters<typeof aRequest>[2]): void {
    this.say([aRequest(TENANT, leadId, over)]);
  }

  private windowStep(track: Track, { action, length, every }: { action: string; length?: string; every?: string }): void {
    const ms = (text: string | undefined) => (text === undefined ? undefined : parseDuration(text));
    if (action === 'open') {
      const workflow = this.workflowOf(track);
      const known = workflow?.window;
      this.command(track, { kind: 'open', lengthMs: ms(length ?? known?.length ?? 'P1D')!, everyMs: ms(every ?? known?.every ?? 'PT15M')!,
        pauseExtends: workflow?.pauseExtends });
      this.command(track, { kind: 'wake' });
    } else if (action === 'edit') this.command(track, { kind: 'edit', lengthMs: ms(length), everyMs: ms(every) });
    else this.command(track, { kind: action as 'pause' | 'resume' | 'stop' });
    this.wakeFreed();
  }

  private command(track: Track, command: WindowCommand): void {
    for (const event of decideWindow(track.window, command, this.now)) {
      if (event.type === 'refused') throw new Error(`refused: ${event.reason}`);
      const window = track.window = evolveWindow(track.window, event)!;
      const isOpen = window.state === 'open' || window.state === 'paused';
      if (isOpen && !track.isWaiting) track.rank = ++this.ranks;
      track.isWaiting = isOpen;
      if (event.type === 'opened') {
        track.fulfilled &&= window.generation === 1;
        if (this.workflowOf(track)) track.isHeld = false;
      }
      const { generation, expiresAt } = window;
      if (event.type === 'requested') this.ask(track, { trigger: 'window', windowGeneration: generation });
      else this.say([aWindow(event.type, { tenantId: TENANT, leadId: track.leadId, generation, expiresAt })]);
      const fallback = event.type === 'expired' ? this.workflowOf(track)?.fallback : undefined;
      if (fallback !== undefined) this.ask(track, { trigger: 'window', windowGeneration: generation, workflowId: fallback });
    }
  }

  private wakeAll(): void {
    for (const track of this.waiting()) if (track.window?.state === 'open') this.command(track, { kind: 'wake' });
    const since = ({ leadId }: Track) => this.stored(leadId).heldSince ?? 0;
    for (const track of [...this.tracks.values()].filter(({ isHeld }) => isHeld).sort((a, b) => since(a) - since(b))) this.retry(track);
    this.wakeFreed();
  }

  private retry(track: Track): void {
    this.ask(track, { trigger: this.workflowOf(track) ? 'window' : 'push' });
  }

  private free(contractId: string): void {
    const contract = this.market().contracts.get(contractId);
    if (contract?.sharedLimits.length === 0) this.freed?.add(contract.client.id); else this.freed = null;
  }

  /** What a client's unit may help is tried, until that frees nothing more. */
  private wakeFreed(): void {
    for (let round = 0; this.freed?.size !== 0 && round < 100; round++) {
      const { freed } = this;
      this.freed = new Set();
      const helps = (contractId: string) => contractId === '*' || freed === null
        || freed.has(this.market().contracts.get(contractId)?.client.id ?? '');
      for (const track of this.waiting().filter(({ waitsOn }) => waitsOn.some(helps))) {
        if (track.window?.state === 'open' && track.waitsOn.length > 0) this.command(track, { kind: 'wake' });
      }
    }
    this.freed = new Set();
  }

  private waiting(): Track[] {
    return [...this.tracks.values()].filter(({ isWaiting }) => isWaiting).sort((a, b) => a.rank - b.rank);
  }

  private runTo(instant: number): void {
    for (;;) {
      const [track] = [...this.tracks.values()].filter((each) => this.dueOf(each) <= instant)
        .sort((a, b) => this.dueOf(a) - this.dueOf(b) || a.rank - b.rank);
      if (!track) break;
      const at = this.dueOf(track);
      this.now = Math.max(this.now, at);
      const isChance = at >= track.chanceAt;
      if (isChance) track.chanceAt = Infinity;
      if (track.window && track.isWaiting) {
        this.command(track, { kind: isChance && at < (dueAt(track.window) ?? Infinity) ? 'wake' : 'tick' });
      } else this.retry(track);
      this.wakeFreed();
    }
    this.now = Math.max(this.now, instant);
  }

  private dueOf({ window, isWaiting, isHeld, chanceAt, heldUntil }: Track): number {
    const chance = chanceAt >= this.now ? chanceAt : Infinity;
    const own = window && isWaiting ? dueAt(window) ?? Infinity : Infinity;
    const beat = Math.min(own, window?.state === 'open' && isWaiting ? chance : Infinity);
    return isHeld ? Math.min(beat, heldUntil >= this.now ? heldUntil : Infinity, chance) : beat;
  }

  private track(leadId: string): Track {
    return this.tracks.get(leadId)!;
  }

  private market() {
    return this.bench.memory.tenants.get(TENANT)!.market;
  }

  private workflowOf({ campaignId }: Track) {
    return this.market().workflowOf(campaignId)?.body;
  }

  private patched(set: Record<string, Record<string, Json>>): ConfigItem[] {
    return Object.entries(set).flatMap(([list, patches]) => Object.entries(patches).map(([id, patch]) => {
      const kind = list.slice(0, -1) as ItemKind;
      const known = this.items.get(`${kind}|${id}`);
      const item = { kind, id, entry: known?.entry ?? this.items.size + 1,
        body: mergePatch((known?.body ?? { id }) as unknown as Json, patch) } as unknown as ConfigItem;
      this.items.set(`${kind}|${id}`, item);
      return item;
    }));
  }

  private changed(items: readonly ConfigItem[]): void {
    this.configure(items);
    this.wakeAll();
  }

  private configure(items: readonly ConfigItem[]): void {
    this.bench.batch(aConfiguration(TENANT, ++this.version, items), this.now);
  }
}
