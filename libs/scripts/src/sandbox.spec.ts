import { afterAll, describe, expect, it } from '@jest/globals';
import type { AskedContract } from '@sluice/distribution';
import { hooksOf, LoadedScript } from './loaded-script.js';
import { Sandbox } from './sandbox.js';

const sandbox = new Sandbox({ wallMs: 1_500 });
afterAll(() => sandbox.stop());

const LEAD = JSON.stringify({ id: 'L', campaign: 'solar', fields: { state: 'NY', amount: 12 }, now: 1_767_614_400_000 });
const contract = (id: string, more: object = {}): AskedContract => (
  { id, body: { id, client: 'acme', price: '12.50', tags: ['roof'], ...more }, client: { id: 'acme', body: { id: 'acme', group: 'gold' } } });
const contracts = [contract('a'), contract('b')];

function judge(code: string, steps?: number) {
  const script = new LoadedScript(sandbox, code, steps);
  try {
    return script.judge(LEAD, contracts);
  } finally {
    script.drop();
  }
}

const filterOf = (body: string) => judge(`function filter(lead, contract) { ${body} }`);
const refusalsIn = (judged: ReturnType<typeof judge>) => (judged.fault ? undefined : judged.refusals);
const wordsOf = (expression: string) => refusalsIn(filterOf(`return String(${expression})`))?.[0];

describe('a script in the sandbox', () => {
  it('sees the lead and the contract, and answers for each', () => {
    const code = `function filter(lead, contract) { return contract.id === 'a' ? true : lead.fields.state + ' ' + contract.group + ' ' + contract.price; }
      function score(lead, contract) { return contract.price * 2; }`;
    expect(judge(code)).toEqual({ refusals: [null, 'NY gold 12.5'], scores: [25, 0] });
  });

  it.each([
    ['an endless loop', 'for (;;);', 'steps'],
    ['an endless loop within try', 'for (;;) { try { for (;;); } catch {} finally { continue; } }', 'steps'],
    ['a regular expression that tries for ever', 'return /^(a+)+$/.test("a".repeat(40) + "b")', 'steps'],
    ['a generator without an end', 'function* g() { for (;;) yield 1; } for (const one of g());', 'steps'],
    ['a getter that never ends', 'const o = { get x() { for (;;); } }; return o.x', 'steps'],
    ['a sort that never ends', 'const list = Array.from({ length: 1000 }, (_, i) => i); for (;;) list.sort(() => 0.5)', 'steps'],
    ['recursion without an end', 'return filter(lead, contract)', 'error'],
    ['recursion by way of built-in functions', 'const f = () => [1].map(f); return f()', 'error'],
    ['a text that doubles', 'let s = "abcdefgh"; for (;;) s = s + s + Math.sqrt(s.length)', 'error'],
    ['a list that grows', 'const list = []; for (;;) list.push("x".repeat(100000) + list.length)', 'memory'],
    ['memory that is asked for again after each refusal', 'for (;;) { try { "x".repeat(9e7) } catch {} }', 'memory'],
    ['a text of a gigabyte', 'return "x".repeat(1e9)', 'memory'],
    ['a promise', 'return new (async function () {}().constructor)(() => {})', 'result'],
    ['an async function', 'return (async () => { await 1; return true; })()', 'result'],
    ['a number', 'return 1', 'result'],
    ['an object that is text when asked', 'return { toString() { return "no" } }', 'result'],
    ['an error', 'throw new Error("my own words")', 'error'],
    ['an error with a getter that never ends', 'throw { get message() { for (;;); } }', 'steps'],
    ['an error that cannot be shown', 'throw new Proxy({}, { get() { throw 1 } })', 'error'],
    ['a name that is not there', 'return missing.field', 'error'],
  ])('that comes to %s is stopped, and said to', (_, body, reason) => {
    expect(filterOf(body).fault?.reason).toBe(reason);
  });

  it.each([
    ['a walk over a list that is not there', 'return [].indexOf.call({ length: 2 ** 53 - 1 }, 1) > 0'],
    ['JSON as deep as memory', 'let o = {}; for (let i = 0; i < 200000; i++) o = { o }; return JSON.stringify(o).length > 3'],
    ['a number of a hundred million digits', 'return String(3n ** 100000000n).length > 3'],
  ])('that counts no steps in %s is ended by the clock, and the next one runs', (_, body) => {
    const start = Date.now();
    expect(['time', 'memory', 'error']).toContain(filterOf(body).fault?.reason);
    expect(Date.now() - start).toBeLessThan(20_000);
    expect(refusalsIn(filterOf('return "still here"'))).toEqual(['still here', 'still here']);
  });

  it('is told where it failed', () => {
    expect(judge('\nfunction filter(lead) {\n  return lead.fields.x.y;\n}').fault).toMatchObject({ hook: 'filter', reason: 'error', words: expect.stringMatching(/^TypeError: .*\(line 3\)$/) });
    expect(filterOf('return 1').fault).toEqual({ hook: 'filter', reason: 'result', words: 'filter of a: expected true, null, false or words, got 1' });
    expect(judge('function score() { return NaN }').fault).toMatchObject({ hook: 'score', reason: 'result', words: 'score of a: expected a finite number, got NaN' });
  });

  it('finds nothing of the world outside', () => {
    const names = ['process', 'require', 'fetch', 'setTimeout', 'Date', 'performance', 'Promise', 'WeakRef', 'FinalizationRegistry', 'Atomics', 'SharedArrayBuffer', 'WebAssembly',
      'eval', 'Function', 'console', 'navigator', 'ArrayBuffer', 'Proxy', 'queueMicrotask', 'import', 'std', 'os', 'print', 'scriptArgs'];
    const list = names.filter((name) => name !== 'import').map((name) => `'${name}:' + typeof ${name}`).join(', ');
    expect(wordsOf(`[${list}].filter((one) => !one.endsWith(':undefined')).join()`)).toBe('');
    expect(wordsOf('Math.random')).toBe('undefined');
  });

  it.each([
    ['a constructor of a constructor', 'return "" + filter.constructor("return 1")()'],
    ['a generator\'s constructor', 'return (function* () {}).constructor("yield 1")().next().value'],
    ['an async function\'s constructor', 'return (async () => {}).constructor("return 1")().then'],
    ['the constructor of the lead\'s', 'return "" + lead.constructor.constructor("return process")()'],
    ['an import', 'import("node:fs"); return true'],
    ['the callee of a caller', 'return "" + arguments.callee'],
  ])('makes no code of text by way of %s', (_, body) => {
    expect(filterOf(body).fault).toBeDefined();
  });

  it.each([
    ['a prototype', 'Object.prototype.leak = 1'],
    ['the prototype of lists', 'Array.prototype.push = () => { throw 1 }'],
    ['the prototype of promises', '(async () => {})().constructor.prototype.leak = 1'],
    ['the prototype of a generator\'s values', 'Object.getPrototypeOf(Object.getPrototypeOf((function* () {})())).leak = 1'],
    ['a global name', 'globalThis.leak = 1'],
    ['a name of nobody', 'leak = 1'],
    ['a built-in function', 'JSON.stringify = () => "{}"'],
    ['a property of one', 'Math.leak = 1'],
    ['the lead', 'lead.fields.state = "TX"'],
    ['the contract', 'contract.tags.push("x")'],
    ['the list of a template', '(function tag(list) { list.leak = 1; })`x`'],
    ['a property of a prototype by definition', 'Object.defineProperty(RegExp.prototype, "leak", { value: 1 })'],
    ['a prototype of its own', 'Object.setPrototypeOf(contract, { leak: 1 })'],
  ])('cannot change %s', (_, body) => {
    expect(filterOf(`${body}; return true`).fault?.reason).toBe('error');
  });

  it('keeps nothing from one contract or lead to the next', () => {
    const script = new LoadedScript(sandbox, `let count = 0; const seen = new Map(); const list = []; class C { static n = 0; }
      function filter() { filter.calls = (filter.calls ?? 0) + 1; C.n++; count++; list.push(1); seen.set(seen.size, 1); return [count, list.length, seen.size, C.n, filter.calls].join(); }`);
    const answers = [1, 2, 3].map(() => refusalsIn(script.judge(LEAD, contracts)));
    expect(answers).toEqual([1, 2, 3].map(() => ['1,1,1,1,1', '1,1,1,1,1']));
    script.drop();
  });

  it.each([
    ['closes the function around it', '}); let leak = 0; (function () { function filter() { return true }'],
    ['is a module', 'export function filter() { return true }'],
    ['is no JavaScript', 'function filter( {'],
    ['leaves a comment open', 'function filter() { return true } /*'],
    ['returns before it defines', 'return {}; function filter() {}'],
    ['has a strict mode that does not allow it', 'with ({}) { }'],
  ])('that %s is refused when it is loaded', (_, code) => {
    expect(hooksOf(sandbox, code).fault).toMatchObject({ reason: 'error', words: expect.stringMatching(/^SyntaxError: /) });
  });

  it('whose first lines never end is refused when it is loaded', () => {
    expect(hooksOf(sandbox, 'for (;;);').fault).toMatchObject({ reason: 'steps' });
  });

  it('says which hooks it has', () => {
    expect(hooksOf(sandbox, 'const score = () => 1; function afterPlan() {}')).toEqual({ hooks: ['score', 'afterPlan'] });
  });

  it('takes picks away and cannot add any', () => {
    const planOf = (body: string) => {
      const script = new LoadedScript(sandbox, `function afterPlan(lead, plan) { ${body} }`);
      const answer = script.afterPlan(LEAD, contracts);
      script.drop();
      return answer;
    };
    expect(planOf('return plan.filter((one) => one.id !== "a").map((one) => one.id)')).toEqual({ stay: ['b'] });
    expect(planOf('return ["a", "c"]').fault).toMatchObject({ reason: 'result', words: 'afterPlan: expected ids of the plan, got "c"' });
    expect(planOf('return ["a", "a", "a"]').fault?.reason).toBe('result');
    expect(planOf('return "a"').fault?.reason).toBe('result');
    expect(planOf('return { length: 2 }').fault?.reason).toBe('result');
    expect(planOf('return new Array(2 ** 32 - 1)').fault?.reason).toBe('result');
    expect(planOf('plan.pop(); return []').fault?.reason).toBe('error');
  });

  it('answers of thousands of contracts at once', () => {
    const many = Array.from({ length: 5_000 }, (_, place) => contract(`c${place}`, { qualityScore: place }));
    const script = new LoadedScript(sandbox, 'function filter(lead, c) { return c.qualityScore % 2 ? "odd ones are not wanted here" : true }');
    const { refusals } = script.judge(LEAD, many) as { refusals: (string | null)[] };
    expect([refusals.length, refusals.filter((one) => one === null).length]).toEqual([5_000, 2_500]);
    script.drop();
  });

  it('sees a contract as it was changed', () => {
    const script = new LoadedScript(sandbox, 'function score(lead, c) { return c.price }');
    expect(script.judge(LEAD, [contract('a')])).toMatchObject({ scores: [12.5] });
    expect(script.judge(LEAD, [contract('a', { price: 7 })])).toMatchObject({ scores: [7] });
    script.drop();
  });
});
