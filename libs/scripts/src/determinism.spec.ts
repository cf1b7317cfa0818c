import { afterAll, describe, expect, it } from '@jest/globals';
import { decide, itemsOf, Market, newLife, State, type ConfigDocument, type Decision, type Lead } from '@sluice/distribution';
import fc from 'fast-check';
import { Sandbox } from './sandbox.js';
import { Scripts } from './scripts.js';

/** Never by the clock: a call that counts steps must end by them, on the slowest machine too. */
const one = new Scripts(new Sandbox({ wallMs: 60_000 }));
const other = new Scripts(new Sandbox({ wallMs: 60_000 }));
afterAll(() => { one.stop(); other.stop(); });

const NOW = Date.UTC(2026, 2, 2, 15);
/** Scripts of all kinds: some keep what they must not, some use up what they may, some fail only for some leads. */
const CODES = [
  'let n = 0; const filter = (lead, c) => { n++; return (lead.fields.x + n + c.price) % 3 ? true : `no ${n}`; }',
  'const seen = new Map(); const score = (lead, c) => { seen.set(c.id, seen.size); return seen.get(c.id) * lead.fields.x; }',
  'const afterPlan = (lead, plan) => plan.filter((c) => (lead.fields.x + c.price) % 2).map((c) => c.id)',
  'const filter = (lead) => { const big = []; for (let i = 0; i < lead.fields.x * 400; i++) big.push({ i, big }); return big.length % 2 === 0; }',
  'const filter = (lead, c) => { let s = 0; for (let i = 0; i < lead.fields.x * 60; i++) s += i % (c.price + 1); return s % 2 ? "odd" : null; }',
  'const filter = (lead) => { if (lead.fields.x % 5 === 0) throw new Error("five"); return true; }; const afterPlan = (lead, plan) => lead.fields.x % 7 ? plan.map((c) => c.id) : 7',
  'const filter = (lead) => { try { let s = "ab"; for (let i = 0; i < lead.fields.x; i++) s += s; return s.length > 5000; } catch (e) { return String(e); } }; const score = (lead, c) => -c.price',
  'const filter = (lead) => { const f = (n) => n && 1 + f(n - 1); return f(lead.fields.x * 12) > 300; }',
];

const STEPS = [10_000, 20_000, 1_000_000];
const PRICES = [5, 1, 3, 3, 2];

/** A script beside the first one, so that what one does to the other shows; the market is kept, and with it what the sandbox has loaded. */
type Ask = ((scripting: Scripts, x: number) => Decision) & { ahead(scripting: Scripts, leads: readonly number[]): void };
const made = new Map<string, Ask>();
function marketOf({ code, steps, status }: Drawn, turned: boolean) {
  const key = JSON.stringify([code, steps, status, turned]);
  const known = made.get(key);
  if (known) return known;
  const document: ConfigDocument = {
    apiVersion: 'v1', clients: PRICES.map((_, place) => ({ id: `c${place}` })),
    contracts: PRICES.map((price, place) => ({ id: `k${place}`, client: `c${place}`, price })),
    campaigns: [{ id: 'x', workflow: 'w' }], workflows: [{ id: 'w', maxMultiplication: 3, rules: [{ method: 'price' }] }],
    scripts: [{ id: 's0', code: CODES[0]!, status: 'active' }, { id: 's1', code: CODES[code]!, status, limits: { steps } }],
  };
  const items = itemsOf(document);
  const market = Market.compile(turned ? items.reverse() : items, { deliversAlways: true });
  const state = State.load();
  state.follow(market, NOW);
  const leadOf = (x: number): Lead => ({ leadId: `L${x}`, tenantId: 't', campaignId: 'x', receivedAt: NOW, attributes: { x } });
  const ahead = (scripting: Scripts, leads: readonly number[]) =>
    scripting.ahead(leads.map((x) => ({ market, state, lead: leadOf(x) })), NOW);
  const ask = Object.assign((scripting: Scripts, x: number) => {
    const lead = leadOf(x);
    return decide(market, state, lead, newLife(), { trigger: 'arrival', hooks: scripting.hooksOf(market, state) }, NOW, () => 0.5);
  }, { ahead });
  made.set(key, ask);
  return ask;
}

interface Drawn { code: number; steps: number; status: 'active' | 'shadow' }
const scenes = fc.record({
  code: fc.nat(CODES.length - 1), steps: fc.constantFrom(...STEPS), status: fc.constantFrom<Drawn['status'][]>('active', 'active', 'shadow'),
  leads: fc.array(fc.nat(60), { minLength: 1, maxLength: 4 }), told: fc.nat(4),
});

describe('decisions with scripts', () => {
  it('are the same to the byte, whatever ran before, in whatever sandbox, and in whatever order contracts are read', () => {
    fc.assert(fc.property(scenes, (scene) => {
      const [straight, turned] = [marketOf(scene, false), marketOf(scene, true)];
      const first = scene.leads.map((x) => JSON.stringify(straight(one, x)));
      // In the opposite order, in another sandbox that has run other things; and some of them were told beforehand.
      if (scene.told > 0) turned.ahead(other, scene.leads.slice(0, scene.told));
      const again = [...scene.leads].reverse().map((x) => JSON.stringify(turned(other, x))).reverse();
      expect(again).toEqual(first);
      expect(first.join()).not.toContain('"reason":"time"');
    }), { numRuns: 1_000 });
  }, 240_000);

  it('fail by steps at the same lead, wherever the count stood before', () => {
    const ask = marketOf({ code: 4, steps: 10_000, status: 'active' }, false);
    const failed = (order: readonly number[]) => order.filter((x) => ask(one, x).scripts?.some(({ reason }) => reason === 'steps')).sort();
    const leads = Array.from({ length: 61 }, (_, x) => x);
    const once = failed(leads);
    expect(once.length).toBeGreaterThan(5);
    expect(failed([...leads].reverse())).toEqual(once);
  });
});
