// The thread that scripts run in. It waits for a request in shared memory, runs it in QuickJS, and answers there: the thread that asks
// stands still meanwhile, and ends this one if no answer comes in time. Plain JavaScript, as it is loaded by its path, from sources and
// from what was built alike.
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { workerData } = require('node:worker_threads');
const { newQuickJSWASMModuleFromVariant, newVariant } = require('quickjs-emscripten-core');
const release = require('@jitl/quickjs-wasmfile-release-sync');

const { shared, spinMs } = workerData;
const head = new Int32Array(shared, 0, 16);
const body = new Uint8Array(shared, 64);
/** Places of the header; see sandbox.ts. */
const TURN = 0, OP = 1, KEY = 2, LENGTH = 3, TICKS = 4, STATUS = 5, USED = 6;
const ASKED = 1, ANSWERED = 2;
/** What a script and the contracts it was told may take: 64 MB. What is not used of it takes none. */
const MEMORY_PAGES = 64 * 16;
// Deep enough for any sound script; what walks as deep in built-in code (JSON) takes time by its square.
const STACK_BYTES = 128 * 1024;

const variant = release.default ?? release;
const wasmModule = new WebAssembly.Module(readFileSync(require.resolve('@jitl/quickjs-wasmfile-release-sync/wasm')));
const prelude = readFileSync(path.join(__dirname, 'prelude.js'), 'utf8');
const scripts = new Map();
let ticks = 0;
let ticksMax = 0;

class Script {
  static async load(code) {
    const memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: MEMORY_PAGES });
    const quickjs = await newQuickJSWASMModuleFromVariant(newVariant(variant, { wasmModule, wasmMemory: memory }));
    const script = new Script(quickjs, memory, code);
    // A script can catch that it gets no memory and go on; whoever asked for too much once is stopped all the same.
    memory.grow = () => {
      script.exhausted = true;
      throw new RangeError('no more memory');
    };
    return script;
  }

  constructor(quickjs, memory, code) {
    this.memory = memory;
    this.exhausted = false;
    this.runtime = quickjs.newRuntime();
    this.runtime.setMaxStackSize(STACK_BYTES);
    // Every ten thousand turns of loops and calls; the same code is interrupted at the same place.
    this.runtime.setInterruptHandler(() => ++ticks > ticksMax || this.exhausted);
    this.context = this.runtime.newContext();
    this.quickjs = quickjs;
    // Alone first: what only makes sense inside of the function below could leave it.
    const alone = this.context.evalCode(code, 'script', { type: 'global', strict: true, compileOnly: true });
    if (alone.error) { this.fault = this.thrown(alone.error); return; }
    alone.value.dispose();
    const wrapped = `(function () { 'use strict'; ${code}\n;return { filter: typeof filter === 'function' ? filter : undefined,`
      + ` score: typeof score === 'function' ? score : undefined, afterPlan: typeof afterPlan === 'function' ? afterPlan : undefined }; })`;
    const make = this.context.evalCode(wrapped, 'script', { type: 'global', strict: true });
    if (make.error) { this.fault = this.thrown(make.error); return; }
    const runner = this.context.evalCode(prelude, 'sluice', { type: 'global', strict: true });
    if (runner.error) throw new Error(`the prelude: ${JSON.stringify(this.context.dump(runner.error))}`);
    const entries = this.context.callFunction(runner.value, this.context.undefined, make.value);
    if (entries.error) throw new Error(`the prelude: ${JSON.stringify(this.context.dump(entries.error))}`);
    this.entries = ['names', 'facts', 'judge', 'afterPlan', 'align'].map((name) => this.context.getProp(entries.value, name));
    this.ffi = quickjs.getFFI();
    this.argv = this.ffi.module._malloc(4);
    // As numbers, since handles are looked through at every use.
    this.words = new Int32Array(this.memory.buffer);
    this.ctx = this.context.ctx.value;
    this.rt = this.runtime.rt.value;
    this.self = this.context.undefined.value;
    this.functions = this.entries.map((entry) => entry.value);
  }

  thrown(error) {
    const { name, message, lineNumber, stack } = this.context.dump(error) ?? {};
    const line = lineNumber ?? /script:(\d+)/.exec(stack ?? '')?.[1];
    return { reason: 'error', words: `${name ?? 'Error'}: ${String(message).slice(0, 200)}${line ? ` (line ${line})` : ''}` };
  }

  /**
   * Calls an entry with the text at a place of the source, and writes the answer to a place of the shared memory: by their bytes, no text
   * is made of them on this side. The answer's length, and whether it is a fault of the script's.
   */
  call(entry, source, from, length, to, room) {
    const { ffi, ctx } = this;
    const { module } = ffi;
    const input = module._malloc(length + 1);
    module.HEAPU8.set(source.subarray(from, from + length), input);
    module.HEAPU8[input + length] = 0;
    const argument = ffi.QTS_NewString(ctx, input);
    module._free(input);
    this.words[this.argv >> 2] = argument;
    const result = ffi.QTS_Call(ctx, this.functions[entry], this.self, 1, this.argv);
    ffi.QTS_FreeValuePointer(ctx, argument);
    const thrown = ffi.QTS_ResolveException(ctx, result);
    let fault;
    if (thrown) {
      ffi.QTS_FreeValuePointer(ctx, thrown);
      fault = { reason: ticks > ticksMax ? 'steps' : 'memory' };
    }
    if (this.exhausted) fault = { reason: 'memory' };
    if (!fault && ffi.QTS_IsJobPending(this.rt)) fault = { reason: 'result', words: 'a script cannot wait: async functions and promises are not run' };
    if (fault) { ffi.QTS_FreeValuePointer(ctx, result); return answer(fault, to); }
    const output = ffi.QTS_GetString(ctx, result);
    ffi.QTS_FreeValuePointer(ctx, result);
    const heap = module.HEAPU8;
    const end = heap.indexOf(0, output);
    const bytes = end - output;
    if (bytes > room) { ffi.QTS_FreeCString(ctx, output); return answer({ reason: 'result', words: 'the answer is too long' }, to); }
    body.set(heap.subarray(output, end), to);
    ffi.QTS_FreeCString(ctx, output);
    return { length: bytes, isFault: 0 };
  }
}

function answer(value, to = 0) {
  const bytes = Buffer.from(JSON.stringify(value));
  body.set(bytes, to);
  return { length: bytes.length, isFault: 1 };
}

async function load(key) {
  const code = Buffer.from(body.subarray(0, head[LENGTH])).toString('utf8');
  scripts.delete(key);
  const script = await Script.load(code);
  if (script.fault) return answer(script.fault);
  scripts.set(key, script);
  return script.call(0, body, 0, 0, 0, body.length);
}

/** Words before each request of many, and before each answer. */
const REQUEST_WORDS = 3, ANSWER_WORDS = 3;
const NOT_DONE = 2;
const padded = (bytes) => (bytes + 3) & ~3;

/** Many requests, one after the other; what follows on a fault of the same script is left for whoever asks it alone. */
function runMany(count) {
  const given = Buffer.from(body.subarray(0, head[LENGTH]));
  const words = new Int32Array(given.buffer, given.byteOffset, given.length >> 2);
  const answers = new Int32Array(shared, 64, body.length >> 2);
  const failed = new Set();
  let from = 0;
  let to = 0;
  for (let nth = 0; nth < count; nth++) {
    const [key, most, length] = words.subarray(from >> 2, (from >> 2) + REQUEST_WORDS);
    from += REQUEST_WORDS * 4;
    const room = body.length - to - ANSWER_WORDS * 4 * (count - nth);
    const script = failed.has(key) || room < 1_000 ? undefined : scripts.get(key);
    const start = performance.now();
    ticks = 0;
    ticksMax = most;
    const done = script ? script.call(2, given, from, length, to + ANSWER_WORDS * 4, room) : { length: 0, isFault: NOT_DONE };
    if (done.isFault) failed.add(key);
    answers.set([done.isFault, done.length, microseconds(start)], to >> 2);
    from += padded(length);
    to += ANSWER_WORDS * 4 + padded(done.length);
  }
  return { length: to, isFault: 0 };
}

function microseconds(start) {
  return Math.round((performance.now() - start) * 1_000);
}

function run() {
  const key = head[KEY];
  ticks = 0;
  ticksMax = head[TICKS];
  switch (head[OP]) {
    case 0: return load(key);
    case 5:
      scripts.delete(key);
      return { length: 0, isFault: 0 };
    case 6: return runMany(key);
    default:
      return scripts.get(key).call(head[OP], body, 0, head[LENGTH], 0, body.length);
  }
}

/** Spins for a moment before it sleeps: a lead is followed by the next one, and to be woken costs more than a script does. */
function wait() {
  const until = performance.now() + spinMs;
  do {
    for (let turn = 0; turn < 200; turn++) if (Atomics.load(head, TURN) === ASKED) return;
  } while (performance.now() < until);
  for (let turn = Atomics.load(head, TURN); turn !== ASKED; turn = Atomics.load(head, TURN)) Atomics.wait(head, TURN, turn);
}

async function main() {
  for (;;) {
    wait();
    const start = performance.now();
    let done;
    try {
      done = run();
      // Only what loads is waited for: all else is done when it returns, and a turn of the event loop would cost as much again.
      if (done instanceof Promise) done = await done;
    } catch (error) {
      // A trap leaves an instance as it is; who asks next loads it anew.
      if (head[OP] === 6) scripts.clear(); else scripts.delete(head[KEY]);
      done = answer({ reason: 'error', words: `the sandbox gave up: ${error instanceof Error ? error.message : 'unknown'}`.slice(0, 200) });
    }
    head[LENGTH] = done.length;
    head[STATUS] = done.isFault;
    head[USED] = microseconds(start);
    Atomics.store(head, TURN, ANSWERED);
    Atomics.notify(head, TURN);
  }
}

main();
