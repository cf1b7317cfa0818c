/**
 * Runs scripts in QuickJS, in a thread of its own that can be ended. The asking thread stands still until the answer is there, as a
 * decision must: it writes into memory that both share, and sleeps. Within, a script is bounded by steps, memory and stack, which stop it
 * at the same place each time; the clock is only there for what counts no steps.
 */
import { Worker } from 'node:worker_threads';
import where from '../sandbox/where.cjs';

export type FaultReason = 'error' | 'steps' | 'memory' | 'time' | 'result';
export interface Fault { reason: FaultReason; words: string; hook?: 'filter' | 'score' | 'afterPlan' }
export type Answer = { text: string; fault?: undefined } | { fault: Fault; text?: undefined };

export interface SandboxOptions {
  /** Wall-clock time after which a call is given up and the thread is ended. Far above what the steps allow, as it is not replayable. */
  wallMs?: number;
  /** How long either side looks before it sleeps. */
  spinMs?: number;
}

/** Steps are counted in ten thousands of loop turns and calls. */
export const STEPS_A_TICK = 10_000;

const OP = { load: 0, facts: 1, judge: 2, afterPlan: 3, align: 4, drop: 5, many: 6 } as const;
/** Places of the header, as in worker.cjs. */
const [TURN, KIND, KEY, LENGTH, TICKS, STATUS, USED] = [0, 1, 2, 3, 4, 5, 6];
const [ASKED, ANSWERED] = [1, 2];
const HEAD_BYTES = 64;
const BODY_BYTES = 4 * 1_048_576;
const WALL_MS = 2_000;
/** Compiling and first lines: mostly ten milliseconds, but more than a call on a machine that does much else. */
const LOAD_WALLS = 10;
/** What a lead of many may take more of it. */
const EACH_MS = 100;
/** A thread that does not start is not tried again with the next lead. */
const RETRY_MS = 60_000;
/** Starting a thread and compiling the sandbox, on a machine that does much else. */
const START_MS = 30_000;
/** Long enough for the next lead of a batch; where the processors are busy it is better to sleep soon. */
const SPIN_MS = 0.02;
/** Loading is bounded too: a script's own first lines run then. */
const LOAD_TICKS = 100;

/** A request of many; its steps bound it alone. */
export interface Request { key: number; json: string; steps: number }
/** What one of many was answered, as JSON. Null where it failed, or another of its script before it: it is then asked alone. */
export type Told = { text: string; microseconds: number } | null;

/** Words before each request of many, and before each answer, as in worker.cjs. */
const WORDS_BEFORE = 3;

interface Thread { worker: Worker; head: Int32Array; body: Buffer }

/** One thread for all scripts of a process; calls do not overlap. */
export class Sandbox {
  private thread: Thread | undefined;
  private readonly wallMs: number;
  private readonly spinMs: number;
  private keys = 0;
  private notBefore = 0;
  /** Goes up when a thread was ended or started: nothing is loaded then, and what could not be may be tried again. */
  generation = 0;

  constructor({ wallMs = WALL_MS, spinMs = SPIN_MS }: SandboxOptions = {}) {
    this.wallMs = wallMs;
    this.spinMs = spinMs;
  }

  /** What was begun and not collected yet. */
  private begun: { count: number; told: Told[] | null } | undefined;
  /** Microseconds that the last call took, where it ran. */
  lastMicroseconds = 0;

  /** A number under which code can be loaded. */
  newKey(): number {
    return ++this.keys;
  }

  /** Compiles the code under the key, in place of what was there; answers `{ hooks: [...] }` as JSON. */
  load(key: number, code: string): Answer {
    // Nul ends a text on the way there, and has no use in a script.
    const answer = this.call(OP.load, key, code.replaceAll('\0', ' '), LOAD_TICKS);
    if (answer.fault) return answer;
    const told = JSON.parse(answer.text) as { hooks?: string[] } & Partial<Fault>;
    return told.reason ? { fault: { reason: told.reason, words: told.words ?? '' } } : answer;
  }

  facts(key: number, json: string): Answer {
    return this.call(OP.facts, key, json, Number.MAX_SAFE_INTEGER);
  }

  /** Asks a loaded script; `steps` bound it. */
  ask(hook: 'judge' | 'afterPlan', key: number, json: string, steps: number): Answer {
    return this.call(OP[hook], key, json, Math.ceil(steps / STEPS_A_TICK));
  }

  /** Brings the count of steps to where the next tick is whole. */
  align(key: number): void {
    this.call(OP.align, key, '', 0);
  }

  drop(key: number): void {
    if (this.thread) this.call(OP.drop, key, '', 1);
  }

  /** Ends the thread; the next call starts another. */
  stop(): void {
    const ended = this.thread;
    this.thread = undefined;
    if (this.begun) this.begun.told = [];
    this.begun = undefined;
    this.generation++;
    void ended?.worker.terminate();
  }

  /**
   * Lets the thread answer many judgements while this one does something else. The answers are had by the function that is returned, which
   * waits for them; any other call does so first. Fewer are answered than asked where they do not fit into the memory.
   */
  begin(requests: readonly Request[]): () => readonly Told[] {
    const thread = this.free();
    if (!thread) return () => [];
    const { head, body } = thread;
    let at = 0;
    let count = 0;
    for (const { key, json, steps } of requests) {
      const from = at + WORDS_BEFORE * 4;
      // Half of it: the answers need room as well.
      if (from + json.length * 3 > BODY_BYTES / 2) break;
      const length = body.write(json, from);
      body.writeInt32LE(key, at);
      body.writeInt32LE(Math.ceil(steps / STEPS_A_TICK), at + 4);
      body.writeInt32LE(length, at + 8);
      at = from + padded(length);
      count++;
    }
    const begun: { count: number; told: Told[] | null } = { count, told: null };
    this.begun = begun;
    this.post(head, OP.many, count, at, 0);
    return () => {
      if (this.begun === begun) this.collect();
      return begun.told ?? [];
    };
  }

  /** The answers of what was begun are read before anything else is asked: there is one place for both. */
  private collect(): void {
    const { begun, thread } = this;
    if (!begun) return;
    this.begun = undefined;
    if (!thread || !this.answered(thread.head, this.wallMs + begun.count * EACH_MS)) {
      this.stop();
      begun.told = [];
      return;
    }
    const { head, body } = thread;
    const told: Told[] = [];
    for (let at = 0; head[STATUS] === 0 && told.length < begun.count;) {
      const [status, length, microseconds] = [body.readInt32LE(at), body.readInt32LE(at + 4), body.readInt32LE(at + 8)];
      at += WORDS_BEFORE * 4;
      told.push(status === 0 ? { text: body.toString('utf8', at, at + length), microseconds } : null);
      at += padded(length);
    }
    begun.told = told;
  }

  /** The thread, with nothing of ours under way; undefined where none can be started: scripts then fail, and leads are distributed. */
  private free(): Thread | undefined {
    this.collect();
    if (this.thread || performance.now() < this.notBefore) return this.thread;
    try {
      return this.start();
    } catch {
      this.notBefore = performance.now() + RETRY_MS;
      return undefined;
    }
  }

  private post(head: Int32Array, op: number, key: number, length: number, ticks: number): void {
    head[KIND!] = op;
    head[KEY!] = key;
    head[LENGTH!] = length;
    head[TICKS!] = Math.min(ticks, 0x7fff_ffff);
    Atomics.store(head, TURN!, ASKED!);
    Atomics.notify(head, TURN!);
  }

  private call(op: number, key: number, text: string, ticks: number): Answer {
    const thread = this.free();
    if (!thread) return { fault: { reason: 'error', words: 'the thread for scripts does not start' } };
    const { head, body } = thread;
    const withinMs = op === OP.load ? this.wallMs * LOAD_WALLS : this.wallMs;
    // A character is at most three bytes of UTF-8.
    const bytes = text.length * 3 <= BODY_BYTES ? body.write(text) : Buffer.byteLength(text);
    if (bytes > BODY_BYTES) return { fault: { reason: 'memory', words: 'the lead and its contracts are too large for a script' } };
    if (text.length * 3 > BODY_BYTES) body.write(text);
    this.post(head, op, key, bytes, ticks);
    if (!this.answered(head, withinMs)) {
      this.stop();
      return { fault: { reason: 'time', words: `no answer within ${withinMs} ms` } };
    }
    this.lastMicroseconds = head[USED!]!;
    const said = body.toString('utf8', 0, head[LENGTH!]);
    return head[STATUS!] === 0 ? { text: said } : { fault: faultOf(said) };
  }

  private answered(head: Int32Array, withinMs: number): boolean {
    const start = performance.now();
    do {
      for (let turn = 0; turn < 200; turn++) if (Atomics.load(head, TURN!) === ANSWERED) return true;
    } while (performance.now() - start < this.spinMs);
    for (let left = withinMs; left > 0; left = withinMs - (performance.now() - start)) {
      if (Atomics.load(head, TURN!) === ANSWERED) return true;
      Atomics.wait(head, TURN!, ASKED!, left);
    }
    return Atomics.load(head, TURN!) === ANSWERED;
  }

  private start(): Thread {
    const shared = new SharedArrayBuffer(HEAD_BYTES + BODY_BYTES);
    const head = new Int32Array(shared, 0, HEAD_BYTES / 4);
    const worker = new Worker(where.workerFile, {
      workerData: { shared, spinMs: this.spinMs },
      // Nothing of this process: no environment, no arguments, no standard input.
      env: {}, argv: [], execArgv: [], stdin: false,
      // The bound on recursion is QuickJS's own, the same each time; the thread's must lie far above it.
      resourceLimits: { stackSizeMb: 32, maxOldGenerationSizeMb: 256 },
    });
    worker.unref();
    // A thread that dies leaves its call unanswered, which the clock finds.
    worker.on('error', () => undefined);
    // Its first turn says that it is there; until then the time of a call does not run.
    Atomics.store(head, TURN!, ASKED!);
    head[KIND!] = OP.drop;
    if (!this.answered(head, START_MS)) {
      void worker.terminate();
      throw new Error('no answer');
    }
    this.generation++;
    this.thread = { worker, head, body: Buffer.from(shared, HEAD_BYTES) };
    return this.thread;
  }
}

/** Words stand at places that can be divided by four. */
function padded(bytes: number): number {
  return (bytes + 3) & ~3;
}

function faultOf(text: string): Fault {
  const { reason, words } = JSON.parse(text) as { reason: FaultReason; words?: string };
  return { reason, words: words ?? WORDS[reason] };
}

const WORDS: Record<FaultReason, string> = {
  error: 'an error', steps: 'more steps than it may take', memory: 'more memory than it may have', time: 'more time than it may take',
  result: 'an answer that is none',
};
