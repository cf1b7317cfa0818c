/**
 * One script in the sandbox. What it answers hangs on the lead, the contracts and the instant alone: state does not outlive a call, and
 * where a call fails on what earlier ones left behind (memory that is not yet free, a count of steps that stood between two ticks), it is
 * made again in a fresh sandbox, whose answer counts. A fresh one allows the most: what succeeds elsewhere would succeed there as well.
 */
import type { AskedContract } from '@sluice/distribution';
import { contractFacts } from './facts.js';
import type { Answer, Fault, Request, Sandbox } from './sandbox.js';

export type HookName = 'filter' | 'score' | 'afterPlan';
export type Judged = { refusals: (string | null)[] | null; scores: number[] | null; fault?: undefined } | { fault: Fault };
export type Planned = { stay: string[]; fault?: undefined } | { fault: Fault };

export const STEPS = 1_000_000;
/** Facts of contracts that were changed since stay where they were; beyond so many all are told anew. */
const PLACES_MAX = 50_000;
/** Told at a time: a record of the sandbox's memory is four megabytes. */
const FACTS_AT_ONCE = 1_000;

/** Which functions the code has, or why it cannot be used. */
export function hooksOf(sandbox: Sandbox, code: string): { hooks: HookName[]; fault?: undefined } | { fault: Fault } {
  const key = sandbox.newKey();
  const answer = sandbox.load(key, code);
  sandbox.drop(key);
  return answer.fault ? { fault: answer.fault } : JSON.parse(answer.text) as { hooks: HookName[] };
}

interface Told { place: number; client: unknown }

export class LoadedScript {
  private readonly key: number;
  /** By the contract's body, which is replaced when it changes. */
  private told = new WeakMap<object, Told>();
  private places = 0;
  private generation = -1;
  private loaded: { hooks: ReadonlySet<HookName>; fault?: undefined } | { fault: Fault } = { hooks: new Set() };

  constructor(private readonly sandbox: Sandbox, readonly code: string, private readonly steps = STEPS) {
    this.key = sandbox.newKey();
  }

  /** How long the last call took where it ran. */
  get microseconds(): number {
    return this.sandbox.lastMicroseconds;
  }

  has(hook: HookName): boolean {
    this.ready();
    return this.loaded.fault === undefined && this.loaded.hooks.has(hook);
  }

  /** Why it cannot be run at all. */
  get fault(): Fault | undefined {
    this.ready();
    return this.loaded.fault;
  }

  /** `lead` as JSON. Answers by the place of a contract in the list. */
  judge(lead: string, contracts: readonly AskedContract[]): Judged {
    const answer = this.ask('judge', lead, contracts);
    return answer.fault ? { fault: answer.fault } : JSON.parse(answer.text) as Judged;
  }

  /** The same as a request of many; undefined where it cannot be run, or contracts cannot be told. */
  request(lead: string, contracts: readonly AskedContract[]): Request | undefined {
    this.ready();
    if (this.loaded.fault || this.places > PLACES_MAX) return undefined;
    const places = this.tell(contracts);
    return typeof places === 'string' ? { key: this.key, json: textOf(lead, places), steps: this.steps } : undefined;
  }

  afterPlan(lead: string, contracts: readonly AskedContract[]): Planned {
    const answer = this.ask('afterPlan', lead, contracts);
    return answer.fault ? { fault: answer.fault } : JSON.parse(answer.text) as Planned;
  }

  drop(): void {
    if (this.generation === this.sandbox.generation) this.sandbox.drop(this.key);
    this.generation = -1;
  }

  private ask(entry: 'judge' | 'afterPlan', lead: string, contracts: readonly AskedContract[]): Answer {
    this.ready();
    // What does not load is not loaded anew for each lead.
    if (this.loaded.fault) return { fault: this.loaded.fault };
    let answer = this.once(entry, lead, contracts);
    // What the script threw itself comes as an answer.
    if (answer.fault && answer.fault.reason !== 'time') {
      this.drop();
      answer = this.once(entry, lead, contracts, true);
    }
    // What ran out of memory may have left a part of it in use.
    if (answer.fault) this.drop();
    return answer.fault ? answer : said(answer.text);
  }

  /** `afresh`: told nothing but what this call needs, and its steps counted from a whole tick on. */
  private once(entry: 'judge' | 'afterPlan', lead: string, contracts: readonly AskedContract[], afresh = false): Answer {
    if (this.places > PLACES_MAX) this.drop();
    this.ready();
    const places = this.tell(contracts);
    if (typeof places !== 'string') return { fault: places };
    if (afresh) this.sandbox.align(this.key);
    return this.sandbox.ask(entry, this.key, textOf(lead, places), this.steps);
  }

  private ready(): void {
    if (this.generation === this.sandbox.generation) return;
    const answer = this.sandbox.load(this.key, this.code);
    this.loaded = answer.fault ? answer : { hooks: new Set((JSON.parse(answer.text) as { hooks: HookName[] }).hooks) };
    // Read behind the load, which may have started the thread anew or ended it.
    this.generation = this.sandbox.generation;
    this.told = new WeakMap();
    this.places = 0;
  }

  /** Places of the contracts in the sandbox, told there first where they are new or have changed. */
  private tell(contracts: readonly AskedContract[]): string | Fault {
    let places = '';
    let news: [number, unknown][] = [];
    for (const contract of contracts) {
      let told = this.told.get(contract.body);
      if (told === undefined || told.client !== contract.client.body) {
        told = { place: this.places++, client: contract.client.body };
        this.told.set(contract.body, told);
        news.push([told.place, contractFacts(contract)]);
        if (news.length === FACTS_AT_ONCE) {
          const { fault } = this.sandbox.facts(this.key, JSON.stringify(news));
          if (fault) return fault;
          news = [];
        }
      }
      places += places === '' ? told.place : `,${told.place}`;
    }
    return (news.length > 0 ? this.sandbox.facts(this.key, JSON.stringify(news)).fault : undefined) ?? places;
  }
}

function textOf(lead: string, places: string): string {
  return `{"lead":${lead},"asked":[${places}]}`;
}

/** A script's own failure comes as an answer. */
function said(text: string): Answer {
  // Told apart without parsing: only a failure begins so.
  return text.startsWith('{"hook":') ? { fault: JSON.parse(text) as Fault } : { text };
}
