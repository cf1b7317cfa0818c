/** For properties of the methods: contracts on one workflow, and a hand that deals leads to them. */
import { decide } from './decide.js';
import type { Request } from './decision.js';
import type { ConfigDocument, Contract, Workflow } from './document.js';
import { itemsOf } from './items.js';
import { newLife, type Holding, type Lead, type Life } from './lead.js';
import { Market } from './market.js';
import { accept, release, reserve } from './reserve.js';
import { State } from './state.js';

export const NOON = Date.UTC(2026, 2, 2, 15);

export interface Setting {
  /** Three clients among the contracts, instead of one each. */
  sameClient?: boolean;
  document?: Partial<ConfigDocument>;
  seed?: (text: string) => number;
  /** When the set-up was made. */
  now?: number;
}

export class Table {
  readonly received: Record<string, number> = {};
  readonly market: Market;
  readonly state = State.load();
  /** Texts that a draw was made from. */
  readonly drawn: string[] = [];
  /** When the next lead comes. */
  now: number;
  private dealt = 0;
  private readonly seed: (text: string) => number;

  constructor(contracts: Partial<Contract>[], workflow: Partial<Workflow>, { sameClient, document: more, seed, now = NOON }: Setting = {}) {
    this.now = now;
    const bodies = contracts.map((body, place): Contract =>
      ({ id: `k${place}`, client: sameClient ? `c${place % 3}` : `c${place}`, price: 10, ...body }));
    const clients = [...new Set(bodies.map(({ client }) => client))].map((id) => ({ id }));
    const document: ConfigDocument = { apiVersion: 'v1', timezone: 'UTC', clients, contracts: bodies,
      campaigns: [{ id: 'x', workflow: 'w' }], workflows: [{ id: 'w', ...workflow }], ...more };
    this.market = Market.compile(itemsOf(document), { deliversAlways: true });
    this.state.follow(this.market, this.now);
    this.seed = (text) => { this.drawn.push(text); return seed ? seed(text) : (text.length % 89) / 89; };
    for (const { id } of bodies) this.received[id] = 0;
  }

  /** Who got the next lead; who is told to turn it down does so. `sold`: contracts that a person gave it to before. */
  deal(refuses: (holding: Holding) => boolean = () => false, sold: readonly string[] = []): string[] {
    const lead: Lead = { leadId: `L${++this.dealt}`, tenantId: 't', campaignId: 'x', receivedAt: this.now, attributes: {} };
    let life: Life = newLife();
    for (const id of sold) ({ life } = this.take(lead, life, { trigger: 'manual', contracts: [id] }));
    const before = life.picks.length;
    for (let round = 0; round < 20; round++) {
      const { life: after, holdings } = this.take(lead, life, { trigger: round === 0 ? 'arrival' : 'fallback' });
      life = after;
      let refused = false;
      for (const holding of holdings) {
        if (!refuses(holding)) { life = accept(life, holding.outboundLeadId); continue; }
        life = release(this.market, this.state, life, holding.outboundLeadId, 'rejected');
        refused = true;
      }
      if (!refused) break;
    }
    const winners = life.picks.slice(before).filter(({ state }) => state === 'accepted').map(({ contractId }) => contractId);
    for (const id of winners) this.received[id]! += 1;
    return winners;
  }

  private take(lead: Lead, life: Life, request: Request): { life: Life; holdings: Holding[] } {
    const decision = decide(this.market, this.state, lead, life, request, this.now, this.seed);
    return reserve(this.market, this.state, lead, life, decision, this.now, (pick) => `${lead.leadId}/${life.rounds}/${pick.contractId}`);
  }
}
