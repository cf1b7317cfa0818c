/**
 * The scripts of a market as hooks of its decisions (A7). They are asked in order of entry: all filters must let a contract in, scores
 * add up, what `afterPlan` leaves goes to the next. A script that fails is left out of that decision as if it were not attached.
 */
import {
  failingCondition, testOf, type AskedContract, type Campaign, type Decision, type Hooks, type Judgement, type Lead, type Market,
  type RegexEngine, type Script, type ScriptCase, type ScriptHost, type ScriptNote, type State,
} from '@sluice/distribution';
import { Ahead } from './ahead.js';
import { countFailures, suspendedUntil } from './circuit.js';
import { leadFacts } from './facts.js';
import { LoadedScript, STEPS, type Judged } from './loaded-script.js';
import { Sandbox, type Fault } from './sandbox.js';
import { Timings } from './timings.js';

/** A script of a market, ready to be asked. */
interface Attached {
  readonly body: Script;
  readonly version: number;
  readonly loaded: LoadedScript;
  readonly timing: string;
  readonly campaigns: ReadonlySet<string> | null;
  readonly contracts: ReadonlySet<string> | null;
  readonly when: (lead: Lead) => boolean;
}

interface Known { scripts: readonly Script[]; active: Attached[]; shadow: Attached[] }

/** A loaded one takes a megabyte or two. */
const LOADED_MAX = 64;

/** All scripts of a process: one sandbox for the scripts of all its markets. */
export class Scripts implements ScriptHost {
  private readonly known = new WeakMap<Market, Known>();
  private readonly loaded = new Map<string, LoadedScript>();
  private readonly aside: Ahead;
  private readonly texts: Means['texts'] = new WeakMap();
  readonly timings = new Timings();

  constructor(private readonly sandbox = new Sandbox(), private readonly regex?: RegexEngine) {
    this.aside = new Ahead(sandbox);
  }

  /**
   * Hooks for one decision, or several one after the other; undefined where the market has no script that is on. `isShown`: of decisions
   * that only show what would be, in which scripts in shadow have no part.
   */
  hooksOf(market: Market, state: State, isShown = false): Hooks | undefined {
    if (market.scripts.length === 0) return undefined;
    const { active, shadow } = this.knownOf(market);
    if (active.length === 0 && (isShown || shadow.length === 0)) return undefined;
    return new ScriptHooks(this.means(market, state), active, isShown ? [] : shadow);
  }

  /** Sends the scripts of these leads off; the leads of the last few calls are still known. */
  ahead(cases: readonly ScriptCase[], now: number): void {
    for (const { market, state, lead } of cases) {
      if (market.scripts.length === 0) continue;
      const { active, shadow } = this.knownOf(market);
      let matching: readonly AskedContract[] | undefined;
      const hooks = new ScriptHooks(this.means(market, state), active, shadow);
      for (const script of [...active, ...shadow]) {
        if (!hooks.isWanted(script, lead, now)) continue;
        matching ??= market.matching(lead);
        const own = script.contracts === null ? matching : matching.filter(({ id }) => script.contracts!.has(id));
        this.aside.add(market, lead.leadId, script.loaded, hooks.textOf(lead, now), own);
      }
    }
    this.aside.begin();
  }

  private means(market: Market, state: State): Means {
    return { market, state, timings: this.timings, aside: this.aside, regex: this.regex, texts: this.texts };
  }

  /** Counts how the scripts did in a decision that was made for good. */
  settled(state: State, { scripts }: Decision, now: number): void {
    if (scripts) countFailures(state, scripts, now);
  }

  /** Ends the sandbox's thread. */
  stop(): void {
    this.sandbox.stop();
  }

  private knownOf(market: Market): Known {
    let known = this.known.get(market);
    if (known?.scripts === market.scripts) return known;
    const attached = market.scripts.filter(({ status = 'off' }) => status !== 'off').map((body) => this.attach(body));
    known = {
      scripts: market.scripts, active: attached.filter(({ body }) => body.status === 'active'),
      shadow: attached.filter(({ body }) => body.status === 'shadow'),
    };
    this.known.set(market, known);
    return known;
  }

  private attach(body: Script): Attached {
    return {
      body, version: body.version ?? 1, loaded: this.loadedFor(body), timing: timingKey(body), campaigns: setOf(body.campaigns),
      contracts: setOf(body.contracts), when: testOf(body.when, this.regex),
    };
  }

  /** Markets with the same code share what is loaded of it: that of a preview, say, and the live one. */
  private loadedFor({ code, limits }: Script): LoadedScript {
    const steps = limits?.steps ?? STEPS;
    const key = `${steps} ${code}`;
    const loaded = this.loaded.get(key) ?? new LoadedScript(this.sandbox, code, steps);
    this.loaded.delete(key);
    this.loaded.set(key, loaded);
    const [oldest] = this.loaded.keys();
    if (this.loaded.size > LOADED_MAX && oldest !== undefined) {
      // Whoever still uses it loads it again.
      this.loaded.get(oldest)!.drop();
      this.loaded.delete(oldest);
    }
    return loaded;
  }
}

/** Same id and code: the same script, whichever market it is read from. */
export function timingKey({ id, code }: Script): string {
  return `${id} ${code}`;
}

/** Blank = all. */
function setOf(ids: readonly string[] | undefined): ReadonlySet<string> | null {
  return ids?.length ? new Set(ids) : null;
}

/** What hooks work with. */
interface Means {
  market: Market; state: State; timings: Timings; aside: Ahead; regex: RegexEngine | undefined;
  texts: WeakMap<Lead['attributes'], KnownText>;
}

/** A lead's facts as JSON, and what they were made of. */
interface KnownText { lead: Lead; now: number; zone: string; campaign: Campaign | undefined; text: string }

/** Of all that scripts see besides the attributes. */
function isSameBeside(a: Lead, b: Lead): boolean {
  return a.leadId === b.leadId && a.campaignId === b.campaignId && a.sourceId === b.sourceId && a.channel === b.channel
    && a.country === b.country && a.score === b.score && a.duplicate === b.duplicate && a.lat === b.lat && a.lon === b.lon
    && a.receivedAt === b.receivedAt;
}

class ScriptHooks implements Hooks {
  /** Of the decision that is being made. */
  private notesOf = new Map<Attached, ScriptNote>();
  /** Left out of it, because they failed behind what they had said. */
  private readonly out = new Map<Attached, ScriptNote>();
  private facts: KnownText | undefined;

  constructor(
    private readonly means: Means, private readonly active: readonly Attached[], private readonly shadow: readonly Attached[],
    /** Of a trial: the one it is about. */
    private readonly about?: Attached,
  ) {}

  judge(lead: Lead, contracts: readonly AskedContract[], now: number): Judgement {
    let refusals: (string | null)[] | null = null;
    let scores: number[] | null = null;
    this.notesOf = new Map(this.out);
    for (const script of this.active) {
      if (this.out.has(script) || this.standsAside(script, lead, now)) continue;
      const places = placesOf(script, contracts);
      if (places?.length === 0) { this.note(script, { status: 'notTriggered', reason: 'contracts' }); continue; }
      if (!script.loaded.has('filter') && !script.loaded.has('score') && script.loaded.fault === undefined) continue;
      const judged = this.asked(script, lead, places?.map((place) => contracts[place]!) ?? contracts, now);
      if (judged.fault) { this.fail(script, judged.fault); continue; }
      this.note(script, { status: 'applied' });
      if (judged.refusals) refusals = joined(refusals, judged.refusals, places, contracts.length, script.body.id);
      if (judged.scores) scores = summed(scores, judged.scores, places, contracts.length);
    }
    return { refusals, scores };
  }

  afterPlan(lead: Lead, contracts: readonly AskedContract[], now: number): readonly string[] {
    let stay = contracts;
    for (const script of this.active) {
      if (stay.length === 0) break;
      if (this.out.has(script) || this.notesOf.get(script)?.status === 'failed' || this.standsAside(script, lead, now)) continue;
      if (!script.loaded.has('afterPlan')) continue;
      const own = script.contracts === null ? stay : stay.filter(({ id }) => script.contracts!.has(id));
      if (own.length === 0) continue;
      const planned = script.loaded.afterPlan(this.textOf(lead, now), own);
      this.means.timings.add(script.timing, script.loaded.microseconds);
      if (planned.fault) { this.fail(script, planned.fault, 'afterPlan'); continue; }
      this.note(script, { status: 'applied' });
      const kept = new Set(planned.stay);
      stay = stay.filter((contract) => kept.has(contract.id) || !own.includes(contract));
    }
    return stay.map(({ id }) => id);
  }

  private asked(script: Attached, lead: Lead, contracts: readonly AskedContract[], now: number): Judged {
    const { market, aside, timings } = this.means;
    const text = this.textOf(lead, now);
    const told = aside.answer(market, lead.leadId, script.loaded, text, contracts);
    const judged = told?.judged ?? script.loaded.judge(text, contracts);
    timings.add(script.timing, told?.microseconds ?? script.loaded.microseconds);
    return judged;
  }

  /** Whether it would have a say about the lead before a plan. */
  isWanted(script: Attached, lead: Lead, now: number): boolean {
    return !this.standsAside(script, lead, now) && (script.loaded.has('filter') || script.loaded.has('score'));
  }

  /** True where a script failed after it had refused or sorted contracts: what it said may not count. */
  again(): boolean {
    let isAgain = false;
    for (const [script, note] of this.notesOf) {
      if (note.status !== 'failed' || note.hook !== 'afterPlan' || this.out.has(script)) continue;
      this.out.set(script, note);
      isAgain ||= script.loaded.has('filter') || script.loaded.has('score');
    }
    return isAgain;
  }

  notes(lead: Lead, now: number): readonly ScriptNote[] {
    const notes: ScriptNote[] = [];
    for (const script of this.about ? [this.about] : this.active) {
      if (!this.notesOf.has(script) && !this.standsAside(script, lead, now)) this.note(script, { status: 'notTriggered', reason: 'noContracts' });
      const note = this.notesOf.get(script);
      if (note && note.reason !== 'campaign') notes.push(note);
    }
    for (const script of this.about ? [] : this.shadow) {
      if (!this.standsAside(script, lead, now)) continue;
      const note = this.notesOf.get(script)!;
      if (note.reason !== 'campaign') notes.push(note);
    }
    this.notesOf = new Map();
    this.out.clear();
    return notes;
  }

  trials(lead: Lead, now: number): readonly Hooks[] {
    return this.shadow.flatMap((script) => {
      const isOn = !this.standsAside(script, lead, now);
      this.notesOf.delete(script);
      // In order of entry, as if it were active.
      const active = this.means.market.scripts.flatMap(({ id }) => [...this.active, script].find(({ body }) => body.id === id) ?? []);
      return isOn ? [new ScriptHooks(this.means, active, [], script)] : [];
    });
  }

  /** Notes why a script has no say about this lead; false where it has. */
  private standsAside(script: Attached, lead: Lead, now: number): boolean {
    const known = this.notesOf.get(script);
    if (known) return known.status === 'notTriggered';
    const { body: { id, when }, version, campaigns } = script;
    if (campaigns !== null && !campaigns.has(lead.campaignId)) { this.note(script, { status: 'notTriggered', reason: 'campaign' }); return true; }
    if (!script.when(lead)) {
      const words = failingCondition(when, lead, this.means.regex) ?? undefined;
      this.note(script, { status: 'notTriggered', reason: 'when', words });
      return true;
    }
    const until = suspendedUntil(this.means.state, id, version, now);
    if (until === 0) return false;
    this.note(script, { status: 'notTriggered', reason: 'suspended', words: `it failed too often, and is left alone until ${new Date(until).toISOString()}` });
    return true;
  }

  private note(script: Attached, note: Omit<ScriptNote, 'id' | 'version'>): void {
    this.notesOf.set(script, { id: script.body.id, version: script.version, ...note });
  }

  private fail(script: Attached, { reason, words, hook }: Fault, entry?: 'afterPlan'): void {
    this.note(script, { status: 'failed', reason, words, hook: hook ?? entry ?? (script.loaded.has('score') && !script.loaded.has('filter') ? 'score' : 'filter') });
  }

  /** The lead as scripts see it, as JSON. */
  textOf(lead: Lead, now: number): string {
    if (this.facts?.lead === lead && this.facts.now === now) return this.facts.text;
    const { market, texts } = this.means;
    const { zone } = market.ground;
    const campaign = market.campaigns.get(lead.campaignId)?.body;
    let known = texts.get(lead.attributes);
    // Told beforehand, the lead was another object with the same attributes.
    if (!known || known.now !== now || known.zone !== zone || known.campaign !== campaign || !isSameBeside(known.lead, lead)) {
      known = { lead, now, zone, campaign, text: JSON.stringify(leadFacts(lead, campaign, now, zone)) };
      texts.set(lead.attributes, known);
    }
    this.facts = known;
    return known.text;
  }
}

/** Where the contracts stand that a script is attached to; null = all. */
function placesOf({ contracts }: Attached, asked: readonly AskedContract[]): number[] | null {
  if (contracts === null) return null;
  const places: number[] = [];
  for (let place = 0; place < asked.length; place++) if (contracts.has(asked[place]!.id)) places.push(place);
  return places;
}

/** The first script that refuses has the word. */
function joined(
  all: (string | null)[] | null, own: readonly (string | null)[], places: readonly number[] | null, length: number, id: string,
): (string | null)[] {
  const refusals = all ?? new Array<string | null>(length).fill(null);
  own.forEach((words, at) => {
    if (words !== null) refusals[places ? places[at]! : at] ??= words === '' ? `refused by script ${id}` : words;
  });
  return refusals;
}

function summed(all: number[] | null, own: readonly number[], places: readonly number[] | null, length: number): number[] {
  const scores = all ?? new Array<number>(length).fill(0);
  own.forEach((score, at) => { scores[places ? places[at]! : at]! += score; });
  return scores;
}
