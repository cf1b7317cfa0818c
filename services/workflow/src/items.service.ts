import { Injectable } from '@nestjs/common';
import { Database } from '@sluice/db';
import { mergePatch, type Json } from '@sluice/kernel';
import { pageOf, pageSizeOf, Problem, readCursor, type Page, type Principal } from '@sluice/runtime';
import type { SelectQueryBuilder } from 'typeorm';
import type { Answer } from './answer.js';
import type { Edit } from './configuration.service.js';
import { ConfigurationItem } from './configuration-item.entity.js';
import { sections, type Section } from './document.js';
import { findItem, relativeTo, withItem, withoutItem } from './edit-item.js';
import { checkEdited } from './parse-document.js';
import { withScriptVersions } from './script-versions.js';
import { refusalOf, WriteService } from './write.service.js';

export interface Shown {
  readonly body: Readonly<Record<string, unknown>>;
  readonly version: number;
}

/** The item as it is now, and the version that gave it its form: its ETag. */
export type Written = { readonly answer: Answer; readonly item: Shown['body'] | null; readonly itemVersion: number };
type Target = { readonly id: string; readonly ifMatch: string | undefined };

/** What a status is where none is written. */
const statusUnset: Partial<Record<Section, string>> = { clients: 'active', contracts: 'open', orders: 'active' };

/** The filters of a list: query parameter → condition. What is not here is refused. */
const filters: Readonly<Record<string, { readonly sections: readonly Section[]; readonly where: string }>> = {
  status: { sections: ['clients', 'contracts', 'orders'], where: `coalesce(item.body->>'status', :statusUnset) = :status` },
  client: { sections: ['contracts'], where: `item.body->>'client' = :client` },
  // A contract that names no campaign is of all.
  campaign: { sections: ['contracts'], where: `(coalesce(item.body->'campaigns', '[]')::jsonb IN ('[]', 'null') OR item.body::jsonb->'campaigns' @> to_jsonb(CAST(:campaign AS text)))` },
  contract: { sections: ['orders'], where: `item.body->>'contract' = :contract` },
  workflow: { sections: ['campaigns'], where: `item.body->>'workflow' = :workflow` },
  text: { sections: Object.keys(sections) as Section[], where: `strpos(lower(item.id || ' ' || coalesce(item.body->>'name', '')), lower(:text)) > 0` },
};

/** The names of the filters of a section. */
export function filtersOf(section: Section): string[] {
  return Object.keys(filters).filter((name) => filters[name]!.sections.includes(section));
}

/** The parts of a configuration one by one. Every write is a version of the whole, checked as a whole. */
@Injectable()
export class ItemsService {
  constructor(private readonly database: Database, private readonly writes: WriteService) {}

  /** A page of a section in order of entry. */
  async list(tenantId: string, section: Section, query: Readonly<Record<string, string>>): Promise<Page<unknown>> {
    const { limit, cursor, ...wanted } = query;
    const size = pageSizeOf(limit);
    const rows = await this.database.transaction({ service: 'workflow', tenants: [tenantId] }, (tx) => {
      const select = tx.manager.createQueryBuilder(ConfigurationItem, 'item')
        .where('item.tenantId = :tenantId AND item.kind = :kind AND item.body IS NOT NULL', { tenantId, kind: sections[section] })
        .orderBy('item.entry', 'ASC').take(size + 1);
      if (cursor !== undefined) select.andWhere('item.entry > :after', { after: Number(readCursor(cursor, [/^-?\d{1,9}$/])![0]) });
      narrow(select, section, wanted);
      return select.getMany();
    });
    return pageOf(rows, size, ({ body }) => body, ({ entry }) => String(entry));
  }

  async one(tenantId: string, section: Section, id: string): Promise<Shown> {
    const row = await this.database.transaction({ service: 'workflow', tenants: [tenantId] }, (tx) =>
      tx.manager.findOneBy(ConfigurationItem, { tenantId, kind: sections[section], id }));
    if (!row?.body) throw absent(section, id);
    return { body: row.body, version: row.version };
  }

  async create(caller: Principal, prefer: string | undefined, section: Section, body: unknown): Promise<Written> {
    const id = idOf(body);
    // A body without an id goes on to the check, which says what is wrong with it.
    return this.edit(caller, prefer, section, id ?? '', ({ document }) => {
      if (id !== undefined && findItem(document, section, id)) {
        throw new Problem(409, 'exists_already', `There is a ${sections[section]} "${id}" already; change it by PUT or PATCH, or choose another id.`);
      }
      return withItem(document, section, id ?? '', body);
    });
  }

  async replace(caller: Principal, prefer: string | undefined, section: Section, target: Target, body: unknown): Promise<Written> {
    if (idOf(body) !== undefined && idOf(body) !== target.id) throw new Problem(422, 'id_differs', 'An id cannot be changed; leave it out or send the one of the path.');
    return this.edit(caller, prefer, section, target.id, ({ document }, items) => {
      this.match(items, section, target, true);
      return withItem(document, section, target.id, isMapping(body) ? { ...body, id: target.id } : body);
    });
  }

  async patch(caller: Principal, prefer: string | undefined, section: Section, target: Target, patch: unknown): Promise<Written> {
    if (!isMapping(patch)) throw new Problem(422, 'invalid_patch', 'Send a mapping of the keys to change; null removes a key (RFC 7396).');
    if ('id' in patch && patch['id'] !== target.id) throw new Problem(422, 'id_differs', 'An id cannot be changed; make another and remove this one.');
    return this.edit(caller, prefer, section, target.id, ({ document }, items) => {
      this.match(items, section, target, true);
      const patched = mergePatch(findItem(document, section, target.id) as unknown as Json, patch as unknown as Json);
      return withItem(document, section, target.id, patched);
    });
  }

  async remove(caller: Principal, prefer: string | undefined, section: Section, target: Target): Promise<Written> {
    const { id } = target;
    const answer = await this.writes.write(caller, prefer, ({ document }, items) => {
      this.match(items, section, target, false);
      const checked = checkEdited(withoutItem(document, section, id), section, id);
      if (!checked.faults) return checked.document;
      const users = checked.faults.map((fault) => fault.path).slice(0, 5).join(', ');
      throw new Problem(409, 'in_use', `The ${sections[section]} "${id}" is named at ${users}; change those first, or apply a whole document.`,
        checked.faults.map(({ pointer, code, message }) => ({ pointer, code, message })));
    });
    return { answer, item: null, itemVersion: answer.version };
  }

  private async edit(
    caller: Principal, prefer: string | undefined, section: Section, id: string, next: (...standing: Parameters<Edit>) => unknown,
  ): Promise<Written> {
    let item: Shown['body'] | undefined;
    let before: number | undefined;
    const answer = await this.writes.write(caller, prefer, (standing, items) => {
      const edited = next(standing, items);
      const checked = checkEdited(edited, section, id);
      if (checked.faults) throw refusalOf(relativeTo(checked.faults, edited, section, id), 'Nothing is changed.');
      if (section === 'scripts') this.writes.refuseFailing(checked.document, id, (faults) => relativeTo(faults, edited, section, id));
      item = findItem(withScriptVersions(checked.document, standing.document), section, id);
      before = items.find((one) => one.kind === sections[section] && one.id === id)?.version;
      return checked.document;
    });
    return { answer, item: item ?? null, itemVersion: answer.changed > 0 ? answer.version : before ?? answer.version };
  }

  /** Two people who change one thing: the second is told, instead of undoing the first. */
  private match(items: Parameters<Edit>[1], section: Section, { id, ifMatch }: Target, required: boolean): void {
    const item = items.find((one) => one.kind === sections[section] && one.id === id);
    if (!item?.body) throw absent(section, id);
    if (ifMatch === undefined) {
      if (!required) return;
      throw new Problem(428, 'if_match_required', 'Send If-Match with the ETag that GET gave, so that nobody else\'s change is undone; "*" overwrites whatever is there.');
    }
    if (ifMatch === '*' || ifMatch.split(',').some((tag) => tag.trim() === `"${item.version}"`)) return;
    throw new Problem(412, 'version_changed', `The ${sections[section]} "${id}" was changed in version ${item.version}; read it again and apply your change to that.`);
  }
}

function narrow(select: SelectQueryBuilder<ConfigurationItem>, section: Section, wanted: Readonly<Record<string, string>>): void {
  const known = filtersOf(section);
  for (const [name, value] of Object.entries(wanted)) {
    const filter = known.includes(name) ? filters[name] : undefined;
    if (!filter) throw new Problem(400, 'unknown_filter', `"${name}" is no filter here; there are ${[...known, 'limit', 'cursor'].join(', ')}.`);
    if (typeof value !== 'string') throw new Problem(400, 'repeated_filter', `"${name}" stands more than once; send it once.`);
    select.andWhere(filter.where, { [name]: value, ...(name === 'status' ? { statusUnset: statusUnset[section] ?? '' } : {}) });
  }
}

function absent(section: Section, id: string): Problem {
  return new Problem(404, 'not_found', `There is no ${sections[section]} "${id}".`);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function idOf(body: unknown): string | undefined {
  const id = isMapping(body) ? body['id'] : undefined;
  return typeof id === 'string' ? id : undefined;
}
