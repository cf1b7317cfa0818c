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
const TURN = 0, OP = 1, KEY = 2, LENGTH = 3, TICKS = 4, STATUS = 5;
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

  /** Calls an entry with the text in shared memory, by its bytes: no text is made of them on this side. */
  call(entry, length) {
    const { ffi, ctx } = this;
    const { module } = ffi;
    const input = module._malloc(length + 1);
    module.HEAPU8.set(body.subarray(0, length), input);
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
    if (fault) { ffi.QTS_FreeValuePointer(ctx, result); return answer(fault); }
    const output = ffi.QTS_GetString(ctx, result);
    ffi.QTS_FreeValuePointer(ctx, result);
    const heap = module.HEAPU8;
    const end = heap.indexOf(0, output);
    const bytes = end - output;
    if (bytes > body.length) { ffi.QTS_FreeCString(ctx, output); return answer({ reason: 'result', words: 'the answer is too long' }); }
    body.set(heap.subarray(output, end), 0);
    ffi.QTS_FreeCString(ctx, output);
    head[LENGTH] = bytes;
    head[STATUS] = 0;
    return undefined;
  }
}

function answer(value) {
  const bytes = Buffer.from(JSON.stringify(value));
  body.set(bytes, 0);
  head[LENGTH] = bytes.length;
  head[STATUS] = 1;
}

async function load(key) {
  const code = Buffer.from(body.subarray(0, head[LENGTH])).toString('utf8');
  scripts.delete(key);
  const script = await Script.load(code);
  if (script.fault) return answer(script.fault);
  scripts.set(key, script);
  return script.call(0, 0);
}

function run() {
  const key = head[KEY];
  ticks = 0;
  ticksMax = head[TICKS];
  switch (head[OP]) {
    case 0: return load(key);
    case 5:
      scripts.delete(key);
      head[STATUS] = 0;
      head[LENGTH] = 0;
      return undefined;
    default:
      return scripts.get(key).call(head[OP], head[LENGTH]);
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
    try {
      // Only what loads is waited for: all else is done when it returns, and a turn of the event loop would cost as much again.
      const loading = run();
      if (loading) await loading;
    } catch (error) {
      scripts.delete(head[KEY]);
      answer({ reason: 'error', words: `the sandbox gave up: ${error instanceof Error ? error.message : 'unknown'}`.slice(0, 200), lost: true });
    }
    Atomics.store(head, TURN, ANSWERED);
    Atomics.notify(head, TURN);
  }
}

main();
