import { afterAll, describe, expect, it } from '@jest/globals';
import { decide, itemsOf, Market, newLife, State, type ConfigDocument, type Lead } from '@sluice/distribution';
import { Sandbox } from './sandbox.js';
import { Scripts } from './scripts.js';

const NOW = Date.UTC(2026, 2, 2, 15);

/** Counts how often the thread is asked for a judgement while it is waited for. */
class Counting extends Sandbox {
  asked = 0;
  override ask(...given: Parameters<Sandbox['ask']>): ReturnType<Sandbox['ask']> {
    this.asked++;
    return super.ask(...given);
  }
}

const sandbox = new Counting({ wallMs: 1_000 });
const scripts = new Scripts(sandbox);
afterAll(() => scripts.stop());

function world(code: string) {
  const document: ConfigDocument = {
    apiVersion: 'v1', clients: [{ id: 'a' }, { id: 'b' }], campaigns: [{ id: 'x', workflow: 'w' }],
    contracts: [{ id: 'A', client: 'a', price: 30, caps: { day: 1 } }, { id: 'B', client: 'b', price: 20 }],
    workflows: [{ id: 'w', maxMultiplication: 2, rules: [{ method: 'price' }] }], scripts: [{ id: 's', status: 'active', code }],
  };
  const market = Market.compile(itemsOf(document), { deliversAlways: true });
  const state = State.load();
  state.follow(market, NOW);
  const leadOf = (leadId: string): Lead => ({ leadId, tenantId: 't', campaignId: 'x', receivedAt: NOW, attributes: { name: leadId } });
  sandbox.asked = 0;
  return {
    market,
    ahead: (...ids: string[]) => scripts.ahead(ids.map((id) => ({ market, state, lead: leadOf(id) })), NOW),
    ask: (id: string, now = NOW) => decide(market, state, leadOf(id), newLife(), { trigger: 'arrival', hooks: scripts.hooksOf(market, state) }, now, () => 0.5),
  };
}
const refuser = 'const filter = (lead, c) => c.id === "A" ? `${lead.fields.name} is not for A at ${c.price}` : true';
const detail = (decision: ReturnType<ReturnType<typeof world>['ask']>) => decision.verdicts[0]?.detail;

describe('scripts that were told of leads beforehand', () => {
  it('are not asked again when the lead is decided, while it is one of the last few batches', () => {
    const { ahead, ask } = world(refuser);
    ahead('L1', 'L2');
    ahead('L3');
    expect(['L1', 'L3', 'L2'].map((id) => detail(ask(id)))).toEqual(['L1', 'L3', 'L2'].map((id) => `${id} is not for A at 30`));
    expect(sandbox.asked).toBe(0);
    for (let place = 4; place < 11; place++) ahead(`L${place}`);
    expect(detail(ask('L1'))).toBe('L1 is not for A at 30');
    expect(sandbox.asked).toBe(1);
  });

  it('are asked again where the instant, or the contract, is another one by then', () => {
    const { market, ahead, ask } = world(refuser);
    ahead('L1');
    ask('L1', NOW + 1);
    expect(sandbox.asked).toBe(1);
    market.change([{ kind: 'contract', id: 'A', entry: 3, body: { id: 'A', client: 'a', price: 31 } }]);
    expect(detail(ask('L1'))).toBe('L1 is not for A at 31');
    expect(sandbox.asked).toBe(2);
  });

  it('are asked again where they failed, and that is what the decision says', () => {
    const { ahead, ask } = world('const filter = (lead) => { if (lead.fields.name === "L2") for (;;); if (lead.fields.name === "L3") throw new Error("three"); return "no"; }');
    ahead('L1', 'L2', 'L3', 'L4');
    expect(['L1', 'L2', 'L3', 'L4'].map((id) => ask(id).scripts?.[0])).toMatchObject([
      { status: 'applied' }, { status: 'failed', reason: 'steps' }, { status: 'failed', reason: 'error', words: 'Error: three (line 1)' }, { status: 'applied' },
    ]);
  });

  it('that have to be ended by the clock leave the others as they are', () => {
    const { ahead, ask } = world('const filter = (lead) => lead.fields.name === "L1" ? [].indexOf.call({ length: 2 ** 53 - 1 }, 1) > 0 : "no"');
    ahead('L1', 'L2');
    expect(ask('L2').scripts).toMatchObject([{ status: 'applied' }]);
    expect(ask('L2').picks).toEqual([]);
  });
});
