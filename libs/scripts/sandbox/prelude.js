// Runs inside QuickJS before a script does. Takes away what could tell one run from the next or keep anything between them, freezes all
// that is left, and calls the script's functions. Everything that it needs of the language it takes before the script can touch it.
(function (hooks) {
  'use strict';
  const KEPT = new Set(['globalThis', 'undefined', 'NaN', 'Infinity', 'Object', 'Array', 'String', 'Number', 'Boolean', 'Symbol', 'BigInt', 'Math', 'JSON', 'Map',
    'Set', 'RegExp', 'Error', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError', 'AggregateError', 'InternalError', 'Iterator', 'Reflect',
    'parseInt', 'parseFloat', 'isNaN', 'isFinite', 'encodeURIComponent', 'decodeURIComponent', 'encodeURI', 'decodeURI']);
  const { parse, stringify } = JSON;
  const { freeze, getPrototypeOf, getOwnPropertyDescriptor } = Object;
  const { ownKeys } = Reflect;
  const { isArray } = Array;
  const isFinite = Number.isFinite;
  const text = String;
  const slice = Function.prototype.call.bind(String.prototype.slice);
  const has = Function.prototype.call.bind(Set.prototype.has);
  const add = Function.prototype.call.bind(Set.prototype.add);
  const exec = Function.prototype.call.bind(RegExp.prototype.exec);
  const IdSet = Set;
  const WORDS_MAX = 200;
  const NOTHING = '{"refusals":null,"scores":null}';

  const functions = [function () {}, function* () {}, async function () {}, async function* () {}];
  // A function made from text would stand outside of the script, where state stays.
  for (const one of functions) delete getPrototypeOf(one).constructor;
  delete Math.random;

  const seen = new Set();
  function harden(value) {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value)) return;
    seen.add(value);
    harden(getPrototypeOf(value));
    for (const key of ownKeys(value)) {
      const own = getOwnPropertyDescriptor(value, key);
      if ('value' in own) harden(own.value); else { harden(own.get); harden(own.set); }
    }
    freeze(value);
  }
  // What only syntax reaches: the prototypes of functions and iterators.
  const iterators = [[].values(), new Map().values(), new Set().values(), ''[Symbol.iterator](), 'a'.matchAll(/a/g), Iterator.from({ next() {} }),
    [].values().map((one) => one), Iterator.concat?.([]) ?? [].values(), (function* () {})(), (async function* () {})()];
  for (const one of [...functions, ...iterators]) harden(getPrototypeOf(one));
  for (const one of functions) if (one.prototype) harden(getPrototypeOf(one.prototype) ?? one.prototype);
  // Also what is taken away: a promise, for one, is still had from an async function.
  for (const name of ownKeys(globalThis)) {
    harden(globalThis[name] === globalThis ? null : globalThis[name]);
    if (!has(KEPT, name)) delete globalThis[name];
  }
  harden(globalThis);

  function frozen(value) {
    if (typeof value !== 'object' || value === null) return value;
    if (isArray(value)) for (let place = 0; place < value.length; place++) frozen(value[place]);
    else for (const key in value) frozen(value[key]);
    return freeze(value);
  }

  class Fault {
    constructor(words) { this.words = words; }
  }

  function shown(value) {
    if (value === null) return 'null';
    if (typeof value === 'number' || typeof value === 'boolean') return text(value);
    return isArray(value) ? 'a list' : `a value of type ${typeof value}`;
  }

  function wordsOf(error) {
    try {
      if (typeof error !== 'object' || error === null) return slice(`threw ${typeof error === 'string' ? error : shown(error)}`, 0, WORDS_MAX);
      const line = exec(/script:(\d+)/, text(error.stack));
      return slice(`${text(error.name)}: ${text(error.message)}${line ? ` (line ${line[1]})` : ''}`, 0, WORDS_MAX);
    } catch {
      return 'threw something that cannot be shown';
    }
  }

  const contracts = [];

  // A lead holds nothing deeper than its fields.
  function request(given) {
    const asked = parse(given);
    freeze(asked.lead.fields);
    freeze(asked.lead);
    return asked;
  }


  function judge({ lead, asked }) {
    let script = hooks();
    const refusals = script.filter ? [] : null;
    let isRefused = false;
    const scores = script.score ? [] : null;
    let hook = 'filter';
    try {
      for (let place = 0; place < asked.length; place++) {
        const contract = contracts[asked[place]];
        // Anew for every contract: what it says of one hangs on no other, nor on which others are asked about.
        if (place > 0) script = hooks();
        hook = 'filter';
        const refusal = script.filter ? refusalOf(script.filter(lead, contract), contract) : null;
        if (refusals) refusals[place] = refusal;
        if (refusal !== null) isRefused = true;
        if (!scores) continue;
        scores[place] = 0;
        if (refusal !== null) continue;
        hook = 'score';
        const score = script.score(lead, contract);
        if (typeof score !== 'number' || !isFinite(score)) throw new Fault(`score of ${contract.id}: expected a finite number, got ${shown(score)}`);
        scores[place] = score;
      }
    } catch (error) {
      return stringify({ hook, reason: error instanceof Fault ? 'result' : 'error', words: error instanceof Fault ? error.words : wordsOf(error) });
    }
    return isRefused || scores ? stringify({ refusals, scores }) : NOTHING;
  }

  function refusalOf(answer, contract) {
    if (answer === true || answer === null || answer === undefined) return null;
    if (answer === false) return '';
    if (typeof answer === 'string') return slice(answer, 0, WORDS_MAX);
    throw new Fault(`filter of ${contract.id}: expected true, null, false or words, got ${shown(answer)}`);
  }

  function afterPlan({ lead, asked }) {
    try {
      const ids = new IdSet();
      const plan = [];
      for (let place = 0; place < asked.length; place++) { plan[place] = contracts[asked[place]]; add(ids, plan[place].id); }
      const answer = hooks().afterPlan(lead, freeze(plan));
      if (!isArray(answer)) throw new Fault(`afterPlan: expected a list of contract ids, got ${shown(answer)}`);
      const { length } = answer;
      if (length > plan.length) throw new Fault(`afterPlan: expected at most the ${plan.length} ids of the plan, got ${length}`);
      const stay = [];
      for (let place = 0; place < length; place++) {
        const id = answer[place];
        if (typeof id !== 'string' || !has(ids, id)) throw new Fault(`afterPlan: expected ids of the plan, got ${typeof id === 'string' ? slice(stringify(id), 0, 60) : shown(id)}`);
        stay[place] = id;
      }
      return { stay };
    } catch (error) {
      return { hook: 'afterPlan', reason: error instanceof Fault ? 'result' : 'error', words: error instanceof Fault ? error.words : wordsOf(error) };
    }
  }

  return {
    // Which functions the script has. It runs the script's own first lines.
    names() {
      try {
        const script = hooks();
        return stringify({ hooks: [...script.filter ? ['filter'] : [], ...script.score ? ['score'] : [], ...script.afterPlan ? ['afterPlan'] : []] });
      } catch (error) {
        return stringify({ reason: 'error', words: wordsOf(error) });
      }
    },
    facts(given) {
      const list = parse(given);
      for (const [place, facts] of list) contracts[place] = frozen(facts);
      return '';
    },
    // Runs until it is interrupted, so that the next step is the first of ten thousand.
    align() {
      for (;;);
    },
    judge(given) {
      return judge(request(given));
    },
    afterPlan(given) {
      return stringify(afterPlan(request(given)));
    },
  };
})
