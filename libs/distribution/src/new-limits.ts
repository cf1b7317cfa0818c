/** Which limits a change of the configuration brings: those that counted nothing until now, and those that count in other buckets. */
import type { ConfigItem } from './items.js';
import type { Limit } from './limits.js';
import type { Market } from './market.js';

/** The limits in force that a change of the items may touch, by prefix. A client's zone is that of its contracts' caps as well. */
export function limitsBehind(market: Market, items: readonly ConfigItem[]): Map<string, Limit> {
  const found = new Map<string, Limit>();
  const note = (limits: readonly Limit[]) => { for (const limit of limits) found.set(limit.prefix, limit); };
  if (items.some(({ kind }) => kind === 'settings')) {
    for (const { limits } of market.contracts.values()) note(limits);
    for (const { limits } of market.links.clients.values()) note(limits);
    for (const limits of market.links.groupLimits.values()) note(limits);
    for (const { limits } of market.campaigns.values()) note(limits);
    for (const { id } of market.strategies.values()) noteStrategy(market, id, note);
    return found;
  }
  for (const { kind, id } of items) {
    if (kind === 'contract') note(ownLimits(market, id));
    else if (kind === 'campaign') note(market.campaigns.get(id)?.limits ?? []);
    else if (kind === 'pushStrategy') noteStrategy(market, id, note);
    else if (kind === 'client') {
      const client = market.links.clients.get(id);
      note(client?.limits ?? []);
      for (const index of client?.members ?? []) note(ownLimits(market, market.byIndex[index]!.id));
    }
  }
  return found;
}

/** Of the limits that stand now, those that did not, or not so. */
export function newLimits(before: ReadonlyMap<string, Limit>, now: ReadonlyMap<string, Limit>): Limit[] {
  return [...now].filter(([prefix, limit]) => before.get(prefix)?.countsLike(limit) !== true).map(([, limit]) => limit);
}

/** The limits of one scope that are in force: `contract|acme-ny`, `recipient|top/east`. */
export function limitsOver(market: Market, scope: string): readonly Limit[] {
  const cut = scope.indexOf('|');
  const id = scope.slice(cut + 1);
  switch (scope.slice(0, cut)) {
    case 'contract': return ownLimits(market, id);
    case 'client': return market.links.clients.get(id)?.limits ?? NONE;
    case 'group': return market.links.groupLimits.get(id) ?? NONE;
    case 'campaign': return market.campaigns.get(id)?.limits ?? NONE;
    default: {
      const found = new Set<Limit>();
      for (const { id: strategy, recipients } of market.strategies.values()) {
        if (id !== strategy && !id.startsWith(`${strategy}/`)) continue;
        for (const { limits } of recipients) for (const limit of limits) if (limit.id === id) found.add(limit);
      }
      return [...found];
    }
  }
}

function ownLimits(market: Market, contractId: string): readonly Limit[] {
  const limits = market.contracts.get(contractId)?.limits ?? NONE;
  return limits.length === 0 ? NONE : limits.filter(({ scope }) => scope === 'contract');
}

function noteStrategy(market: Market, id: string, note: (limits: readonly Limit[]) => void): void {
  for (const { limits } of market.strategies.get(id)?.recipients ?? NONE) note(limits);
}

const NONE: readonly never[] = [];
