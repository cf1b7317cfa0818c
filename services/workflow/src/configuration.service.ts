import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Database, type Tx } from '@sluice/db';
import { documentOf, itemsOf, type ConfigDocument, type ConfigItem } from '@sluice/distribution';
import { ConfigurationChanged, type Said } from '@sluice/events';
import { sha256, utf8, uuidFrom } from '@sluice/kernel';
import { Clock, crashPoint, Problem, traceparentOf, type Principal } from '@sluice/runtime';
import { difference, partsOf, type Change } from './changes.js';
import { ConfigurationStore } from './configuration.store.js';
import { withScriptVersions } from './script-versions.js';
import { WindowWakes } from './window-wakes.service.js';

/** A tenant's configuration as it stands. */
export interface Standing {
  readonly version: number;
  readonly document: ConfigDocument;
}

/** What stands → what is to stand. The items carry the versions that gave them their form; removed ones have no body. */
export type Edit = (standing: Standing, items: readonly (ConfigItem & { readonly version: number })[]) => ConfigDocument;

export interface Written {
  /** The version that holds now; the old one where nothing differed. */
  readonly version: number;
  readonly changes: readonly Change[];
}

/** Reads and writes configurations. Every write is one version, numbered under the lock of the tenant's row, and said whole. */
@Injectable()
export class ConfigurationService {
  constructor(
    private readonly database: Database, private readonly bus: Bus, private readonly clock: Clock,
    private readonly store: ConfigurationStore, private readonly windows: WindowWakes,
  ) {}

  async current(tenantId: string): Promise<Standing> {
    return this.reading(tenantId, async (tx) => {
      // Both from one statement's snapshot would need a join; a version read first can only be older than the items, never newer.
      const version = await this.store.versionOf(tx, tenantId);
      return { version, document: documentOf(await this.store.itemsAt(tx, tenantId, version)) };
    });
  }

  /** The configuration at a version; a Problem 404 where there is none. */
  async at(tenantId: string, version: number): Promise<Standing> {
    return { version, document: documentOf((await this.itemsAt(tenantId, version)).items) };
  }

  /** The items at a version, or at the current one. */
  async itemsAt(tenantId: string, wanted: number | undefined): Promise<{ version: number; items: readonly ConfigItem[] }> {
    return this.reading(tenantId, async (tx) => {
      const newest = await this.store.versionOf(tx, tenantId);
      const version = wanted ?? newest;
      if (version > newest || version < 0) throw new Problem(404, 'no_such_version', `There is no version ${version}; the newest is ${newest}.`);
      const items = await this.store.itemsAt(tx, tenantId, version);
      return { version, items: items.map(({ kind, id, entry, body }) => ({ kind, id, entry, body }) as ConfigItem) };
    });
  }

  /** What an apply of the document would change. */
  async differenceTo(tenantId: string, document: ConfigDocument): Promise<Written> {
    return this.reading(tenantId, async (tx) => {
      const version = await this.store.versionOf(tx, tenantId);
      const items = await this.store.items(tx, tenantId);
      return { version, changes: difference(items, numbered(withScriptVersions(document, documentOf(items)), items, 1)).changes };
    });
  }

  /**
   * Makes the configuration what `edit` answers, given what stands. It runs under the tenant's lock, so that two writers never build on the
   * same version; what it throws leaves everything as it was. Where nothing differs there is no new version.
   */
  async write(caller: Principal, edit: Edit): Promise<Written> {
    const { tenantId } = caller;
    return this.database.transaction({ service: 'workflow', tenants: [tenantId] }, async (tx) => {
      const { version: last, nextEntry } = await this.store.lock(tx, tenantId);
      const before = await this.store.items(tx, tenantId);
      const standing = documentOf(before);
      const after = numbered(withScriptVersions(edit({ version: last, document: standing }, before), standing), before, nextEntry);
      const { items, changes } = difference(before, after);
      if (items.length === 0) return { version: last, changes };
      const version = last + 1;
      const now = this.clock.now();
      const count = (change: Change['change']) => changes.filter((one) => one.change === change).length;
      await this.store.save(tx, tenantId, {
        version, appliedAt: now, actor: caller.id, added: count('added'), changed: count('changed'), removed: count('removed'),
      }, Math.max(nextEntry, ...after.map((item) => item.entry + 1)), items);
      this.bus.append(tx, saidOf(tenantId, version, items, now));
      await this.windows.changed(tx, tenantId, before, items, now);
      crashPoint('workflow.before-commit');
      tx.afterCommit(() => crashPoint('workflow.after-commit'));
      return { version, changes };
    });
  }

  private reading<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'workflow', tenants: [tenantId] }, work);
  }
}

/** Items of a document; what was ever there keeps its order of entry, the rest is numbered from `next` on, in document order. */
function numbered(document: ConfigDocument, before: readonly ConfigItem[], next: number): ConfigItem[] {
  const entries = new Map(before.map((item) => [`${item.kind}\n${item.id}`, item.entry]));
  return itemsOf(document, (kind, id) => entries.get(`${kind}\n${id}`), next);
}

/** One event a part. Ids derive from version and part: said again, it is the same event. */
function saidOf(tenantId: string, version: number, items: readonly ConfigItem[], time: number): Said[] {
  const traceparent = traceparentOf();
  const parts = partsOf(items);
  return parts.map((part, place) => ConfigurationChanged.make({
    tenantId, version, part: place + 1, parts: parts.length,
    items: part.map(({ kind, id, entry, body }) => ({ kind, id, entry, ...(body === null ? { removed: true } : { body: body as never }) })),
  }, { id: uuidFrom(sha256(utf8(`configuration ${tenantId} ${version} ${place + 1}`)).subarray(0, 16)), time, traceparent }));
}
