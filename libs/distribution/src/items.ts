/** A document as versioned pieces: what a change of configuration carries, and what a market is compiled from. */
import type {
  Campaign, Client, ConfigDocument, Contract, DeliveryMethod, List, Order, PushStrategy, Script, Settings, Workflow,
} from './document.js';

export interface ItemBodies {
  settings: Settings; client: Client; contract: Contract; campaign: Campaign; list: List; workflow: Workflow;
  pushStrategy: PushStrategy; deliveryMethod: DeliveryMethod; order: Order; script: Script;
}
export type ItemKind = keyof ItemBodies;

/** One piece of configuration. `entry` is its place in the order of entry (F3) and stays when it is changed; body null = removed. */
export type ConfigItem = { [K in ItemKind]: { kind: K; id: string; entry: number; body: ItemBodies[K] | null } }[ItemKind];

const LISTS = [
  ['client', 'clients'], ['contract', 'contracts'], ['list', 'lists'], ['deliveryMethod', 'deliveryMethods'], ['workflow', 'workflows'],
  ['pushStrategy', 'pushStrategies'], ['campaign', 'campaigns'], ['order', 'orders'],
  ['script', 'scripts'],
] as const;
const SETTINGS = ['timezone', 'currency', 'requireSchedule', 'ties', 'rotation', 'groups'] as const;

/**
 * Document → items in order of entry: clients before contracts, each list in its own order. `entryOf` gives what is known already its
 * old place; what is new is numbered from `next` on.
 */
export function itemsOf(
  document: ConfigDocument, entryOf: (kind: ItemKind, id: string) => number | undefined = () => undefined, next = 1,
): ConfigItem[] {
  const settings = Object.fromEntries(SETTINGS.filter((key) => document[key] !== undefined).map((key) => [key, document[key]])) as Settings;
  const items: ConfigItem[] = [{ kind: 'settings', id: 'settings', entry: 0, body: settings }];
  let free = next;
  for (const [kind, key] of LISTS) {
    for (const body of document[key] ?? []) {
      const entry = entryOf(kind, body.id) ?? free++;
      items.push({ kind, id: body.id, entry, body } as ConfigItem);
    }
  }
  return items;
}

/** Items → document; each list in order of entry, removed items left out. */
export function documentOf(items: Iterable<ConfigItem>): ConfigDocument {
  const sorted = [...items].sort((a, b) => a.entry - b.entry);
  const document: Record<string, unknown> = { apiVersion: 'v1' };
  for (const item of sorted) if (item.kind === 'settings') Object.assign(document, item.body);
  for (const [kind, key] of LISTS) {
    const bodies = sorted.filter((item) => item.kind === kind && item.body !== null).map((item) => item.body);
    if (bodies.length > 0) document[key] = bodies;
  }
  return document as unknown as ConfigDocument;
}
