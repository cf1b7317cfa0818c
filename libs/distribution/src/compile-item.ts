/** One item of the configuration, compiled by itself; what it takes from others is linked afterwards. */
import type { ConfigItem } from './items.js';
import { limitsOf } from './limits.js';
import type { CampaignTerms } from './market.js';
import { strategyTerms, workflowTerms, type StrategyTerms, type WorkflowTerms } from './phases.js';
import { ClientTerms, ContractTerms, minorOf, openingOf, orderTerms, type Ground } from './terms.js';

export interface Compiled { item: ConfigItem; client?: ClientTerms; contract?: ContractTerms; workflow?: WorkflowTerms;
  strategy?: StrategyTerms; campaign?: CampaignTerms }

/** A fault names the item it is in. */
export function named<T>(item: { kind: string; id: string }, make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new RangeError(`${item.kind} ${item.id}: ${error.message}`);
  }
}

/** Throws RangeError that names the item and what is wrong with it. */
export function compileItem(item: ConfigItem, ground: Ground): Compiled {
  if (item.body === null) return { item };
  return named(item, () => {
    switch (item.kind) {
      case 'client': return { item, client: new ClientTerms(item.body!, item.entry, ground) };
      case 'contract': {
        // What is linked later is tried now: a change either is whole or does not happen.
        if (item.body!.schedule) openingOf(item.body!, ground.zone);
        limitsOf('contract', item.id, item.body!.caps, ground.zone, (amount) => minorOf(ground, amount));
        return { item, contract: new ContractTerms(item.body!, item.entry, ground) };
      }
      case 'order':
        orderTerms(item.body!, item.entry, ground.zone, ground);
        return { item };
      case 'workflow': return { item, workflow: workflowTerms(item.body!, ground) };
      case 'pushStrategy': return { item, strategy: strategyTerms(item.body!, item.entry, ground) };
      case 'campaign': {
        const limits = limitsOf('campaign', item.id, item.body!.caps, ground.zone, (amount) => minorOf(ground, amount));
        return { item, campaign: { body: item.body!, limits } };
      }
      default: return { item };
    }
  });
}
