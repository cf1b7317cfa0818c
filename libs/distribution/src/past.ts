/** Takes into a state what was sold, as it was sold: what the past has used up, and whose turn it is after it. No sale is decided. */
import { movesOf, type Moves } from './automatic.js';
import { decide } from './decide.js';
import { newLife, type Holding, type Lead, type Life } from './lead.js';
import type { Market } from './market.js';
import { reservePush, type Level } from './push.js';
import { reservePicks, returned } from './reserve.js';
import type { State } from './state.js';

/** One sale of the past; the client's answer to it was yes, or is not known. */
export interface PastSale {
  readonly contractId: string;
  readonly priceMinor: bigint;
  /** `<workflow>/<rule>`, `manual`, `force`, `cherryPick`, or the push strategy. */
  readonly rule: string;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** A lead that came before the span that is looked at. */
export interface PastLead { readonly lead: Lead; readonly life: Life; readonly moves: Moves | null }

const NO_MOVES: Moves = { contracts: [], phases: [], rotates: [], earnings: [], counted: [], rulesMet: [], minimumsMet: false };

export class Past {
  /** Campaigns, and whether a rule or a limit of theirs goes by shares of what came. */
  private readonly byShares = new Map<string, boolean>();

  constructor(private readonly market: Market, private readonly state: State) {}

  /** The lead arrived: percentages count it, and the weighted earn. What the rules would have made of it is asked only where they do. */
  arrive(lead: Lead): PastLead {
    const { market, state } = this;
    const life = newLife();
    if (!this.goesByShares(lead.campaignId)) return { lead, life, moves: null };
    const moves = movesOf(decide(market, state, lead, life, { trigger: 'arrival' }, lead.receivedAt, () => 0.5));
    for (const key of moves.counted) state.add(key, 1);
    return { lead, life, moves };
  }

  /**
   * A sale moves what it moved: caps, orders, credit, turns, weights. Of who is not in the configuration any more, nothing. Answers what
   * came of it, for a return.
   */
  sell(past: PastLead, sale: PastSale): Holding[] {
    const { market, state } = this;
    const contract = market.contracts.get(sale.contractId);
    if (!contract) return this.push(past, sale);
    const workflow = market.workflows.get(sale.rule.slice(0, Math.max(0, sale.rule.lastIndexOf('/'))));
    const phase = workflow?.phases.find(({ key }) => key === sale.rule) ?? null;
    const earnings = (past.moves?.earnings ?? []).filter(({ key }) => key === phase?.key);
    const moves = { ...NO_MOVES, contracts: [contract], phases: [phase], rotates: [phase?.method === 'roundRobin'], earnings };
    const pick = {
      contractId: contract.id, clientId: contract.client.id, rule: sale.rule, priceMinor: sale.priceMinor,
      trial: sale.priceMinor === 0n && contract.trialLeads > 0, overridden: [],
    };
    const trigger = sale.rule === 'cherryPick' ? 'cherryPick' : 'arrival';
    return reservePicks(market, state, past.lead, past.life, { trigger, picks: [pick] }, moves, sale.at, () => '');
  }

  /** It was returned later: what comes back is free again. */
  giveBack({ life }: PastLead, holdings: readonly Holding[], now: number): void {
    returned(this.market, this.state, { ...life, picks: [...holdings] }, '', now);
  }

  /** Both levels count: the one that the assignment names, and the branches above it. */
  private push({ lead, life }: PastLead, sale: PastSale): Holding[] {
    const { market, state } = this;
    const first = market.strategiesOf(lead.campaignId);
    const way: Level[] = [];
    const candidates = [...first, ...market.strategies.values()];
    for (let to: string | undefined = sale.contractId; to !== undefined && way.length < candidates.length;) {
      const strategy = candidates.find(({ recipients }) => recipients.some((recipient) => recipient.to === to));
      if (!strategy) break;
      way.unshift({ strategy, recipient: strategy.recipients.find((recipient) => recipient.to === to)!, credits: null });
      to = first.includes(strategy) ? undefined : strategy.from;
    }
    if (way.length === 0) return [];
    const pick = { contractId: sale.contractId, clientId: '', rule: sale.rule, priceMinor: 0n, trial: false, overridden: [] };
    return reservePush(state, life, { picks: [pick], levels: way }, sale.at, () => '');
  }

  private goesByShares(campaignId: string): boolean {
    let known = this.byShares.get(campaignId);
    if (known === undefined) {
      const workflow = this.market.workflowOf(campaignId);
      known = workflow !== undefined && (workflow.phases.some(({ method }) => method === 'weighted' || method === 'percentage')
        || this.market.inScope(campaignId).some(({ qualified }) => qualified.length > 0));
      this.byShares.set(campaignId, known);
    }
    return known;
  }
}
