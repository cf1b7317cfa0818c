/** What one part of a document says of another: ids that must be there, fields that criteria may use, sums and units that must hold. */
import type { ConfigDocument, Contract, Criteria, GroupPhase, Rule, Workflow } from '@sluice/distribution';
import { parseMoney } from '@sluice/kernel';
import { RE2JS } from 're2js';
import { eachCondition } from './criteria.js';
import { sections, type Section } from './document.js';
import { derivedOf, isPersonal, splitField, staticFields } from './derived.js';
import { faultAt, suggestion, type DocumentFault } from './faults.js';
import { boundFaults } from './window-bounds.js';

type Path = readonly PropertyKey[];

/** Every fault between the parts of a document that is sound in itself. */
export function checkReferences(document: ConfigDocument): DocumentFault[] {
  return [...duplicateIds(document), ...new References(document).faults(), ...new Fields(document).faults(), ...contradictions(document),
    ...percentageSums(document), ...units(document)];
}

function duplicateIds(document: ConfigDocument): DocumentFault[] {
  const faults: DocumentFault[] = [];
  for (const section of [...Object.keys(sections) as Section[], 'groups' as const]) {
    const seen = new Map<string, number>();
    (document[section] ?? []).forEach((item, place) => {
      const first = seen.get(item.id);
      if (first !== undefined) faults.push(faultAt([section, place, 'id'], 'duplicate_id', `"${item.id}" stands at ${section}[${first}] already; an id names one`));
      else seen.set(item.id, place);
    });
  }
  return faults;
}

/** Ids that name another part of the document. */
class References {
  private readonly known: Record<Section, ReadonlySet<string>>;
  private readonly found: DocumentFault[] = [];

  constructor(private readonly document: ConfigDocument) {
    const idsOf = (section: Section): ReadonlySet<string> => new Set((document[section] ?? []).map((item) => item.id));
    this.known = {
      clients: idsOf('clients'), contracts: idsOf('contracts'), campaigns: idsOf('campaigns'), lists: idsOf('lists'), workflows: idsOf('workflows'),
      pushStrategies: idsOf('pushStrategies'), deliveryMethods: idsOf('deliveryMethods'), orders: idsOf('orders'),
      scripts: idsOf('scripts'),
    };
  }

  faults(): DocumentFault[] {
    this.document.contracts?.forEach((contract, place) => {
      this.one('clients', contract.client, ['contracts', place, 'client']);
      this.each('campaigns', contract.campaigns, ['contracts', place, 'campaigns']);
      this.one('deliveryMethods', contract.deliveryMethod, ['contracts', place, 'deliveryMethod']);
    });
    this.document.campaigns?.forEach((campaign, place) => {
      this.one('workflows', campaign.workflow, ['campaigns', place, 'workflow']);
      this.one('pushStrategies', campaign.pushStrategy, ['campaigns', place, 'pushStrategy']);
      this.one('lists', campaign.list, ['campaigns', place, 'list']);
    });
    this.document.lists?.forEach((list, place) => {
      this.each('clients', list.clients, ['lists', place, 'clients']);
      this.each('contracts', list.contracts, ['lists', place, 'contracts']);
    });
    this.document.workflows?.forEach((workflow, place) => {
      this.one('workflows', workflow.fallback, ['workflows', place, 'fallback']);
      workflow.rules?.forEach((rule, at) => {
        this.each('contracts', rule.contracts?.ids, ['workflows', place, 'rules', at, 'contracts', 'ids']);
        this.each('clients', rule.contracts?.clients, ['workflows', place, 'rules', at, 'contracts', 'clients']);
      });
    });
    this.document.pushStrategies?.forEach((push, place) => this.each('campaigns', push.campaigns, ['pushStrategies', place, 'campaigns']));
    this.document.orders?.forEach((order, place) => this.one('contracts', order.contract, ['orders', place, 'contract']));
    this.document.scripts?.forEach((script, place) => {
      this.each('campaigns', script.campaigns, ['scripts', place, 'campaigns']);
      this.each('contracts', script.contracts, ['scripts', place, 'contracts']);
      script.tests?.forEach((test, at) => [test.contract, ...test.plan ?? []].forEach((given, nth) => {
        if (typeof given === 'string') this.one('contracts', given, ['scripts', place, 'tests', at, ...(nth === 0 ? ['contract'] : ['plan', nth - 1])]);
      }));
    });
    return this.found;
  }

  private one(section: Section, id: string | undefined, path: Path): void {
    if (id === undefined || this.known[section].has(id)) return;
    const hint = suggestion(id, this.known[section]) || `; ${this.known[section].size === 0 ? `the document has no ${section}` : `add it to ${section}`}`;
    this.found.push(faultAt(path, 'unknown_reference', `no ${sections[section]} "${id}"${hint}`));
  }

  private each(section: Section, ids: readonly string[] | undefined, path: Path): void {
    ids?.forEach((id, place) => this.one(section, id, [...path, place]));
  }
}

/** Fields of campaigns, as criteria and campaigns themselves name them. */
class Fields {
  private readonly found: DocumentFault[] = [];

  constructor(private readonly document: ConfigDocument) {}

  faults(): DocumentFault[] {
    this.document.contracts?.forEach((contract, place) => this.criteria(contract.criteria, ['contracts', place, 'criteria'], contract.campaigns));
    this.document.pushStrategies?.forEach((push, place) => {
      // Push hands on what its users work with, also where no rule and no campaign asks for it: only what looks mistyped is a fault.
      this.criteria(push.criteria, ['pushStrategies', place, 'criteria'], push.campaigns, 'mistyped');
      push.recipients.forEach((to, at) => this.criteria(to.criteria, ['pushStrategies', place, 'recipients', at, 'criteria'], push.campaigns,
        'mistyped'));
    });
    this.document.scripts?.forEach((script, place) => this.criteria(script.when, ['scripts', place, 'when'], script.campaigns));
    this.document.campaigns?.forEach((campaign, place) => {
      const named = [['geo', campaign.geo], ['forceClient', campaign.forceClient]] as const;
      for (const [key, name] of named) if (name !== undefined) this.named(name, ['campaigns', place, key], campaign.fields);
      for (const [name, field] of Object.entries(campaign.fields ?? {})) {
        if (typeof field['pattern'] === 'string') this.pattern(field['pattern'], ['campaigns', place, 'fields', name, 'pattern']);
      }
    });
    return this.found;
  }

  private named(name: string, path: Path, fields: Readonly<Record<string, unknown>> | undefined): void {
    if (!fields || name === 'lat/lon' || splitField(name).base in fields) return;
    this.found.push(faultAt(path, 'unknown_reference', `no field "${name}"${suggestion(name, Object.keys(fields))}`));
  }

  private criteria(
    criteria: Criteria | undefined, path: Path, campaigns: readonly string[] | undefined, refused: 'unknown' | 'mistyped' = 'unknown',
  ): void {
    if (!criteria) return;
    const scope = (this.document.campaigns ?? []).filter((campaign) => !campaigns?.length || campaigns.includes(campaign.id));
    eachCondition(criteria, path, (leaf, at) => {
      if (leaf.op === 'matches' && typeof leaf.value === 'string') this.pattern(leaf.value, [...at, 'value']);
      this.leaf(leaf.field, [...at, 'field'], scope, refused);
    });
  }

  private leaf(name: string, path: Path, scope: NonNullable<ConfigDocument['campaigns']>, refused: 'unknown' | 'mistyped'): void {
    if (name.startsWith('$')) {
      if (!(staticFields as readonly string[]).includes(name)) {
        this.found.push(faultAt(path, 'unknown_reference', `no static field "${name}"${suggestion(name, staticFields) || `; there are ${staticFields.join(', ')}`}`));
      }
      return;
    }
    const { base, suffix } = splitField(name);
    const declared = scope.flatMap((campaign) => {
      const field = campaign.fields?.[base];
      return field ? [{ campaign: campaign.id, field }] : [];
    });
    const personal = declared.find(({ field }) => isPersonal(field));
    const derived = [...new Set(declared.flatMap(({ field }) => derivedOf[field.type] ?? []))];
    const offer = derived.length > 0 ? `; what is derived from it can: ${derived.map((end) => `${base}.${end}`).join(', ')}` : '; nothing is derived from it';
    if (suffix === undefined && personal) {
      this.found.push(faultAt(path, 'personal_field', `"${name}" is personal in campaign ${personal.campaign} and cannot stand in criteria${offer}`));
    } else if (suffix !== undefined && declared.length > 0 && !derived.includes(suffix)) {
      const instead = derived.length > 0 ? `; there are ${derived.map((end) => `${base}.${end}`).join(', ')}` : '';
      this.found.push(faultAt(path, 'unknown_reference', `nothing named "${suffix}" is derived from ${base}${instead}`));
    } else if (declared.length === 0 && scope.length > 0 && scope.every((campaign) => campaign.fields)) {
      const known = [...new Set(scope.flatMap((campaign) => Object.keys(campaign.fields ?? {})))];
      const meant = suggestion(base, known);
      if (meant === '' && refused === 'mistyped') return;
      this.found.push(faultAt(path, 'unknown_reference', `no field "${base}" in ${scope.map((campaign) => campaign.id).join(', ')}${meant}`));
    }
  }

  private pattern(pattern: string, path: Path): void {
    try {
      RE2JS.compile(pattern);
    } catch (error) {
      const words = error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'it cannot be read';
      this.found.push(faultAt(path, 'invalid', `expected a regular expression of linear time (RE2 syntax): ${words}`));
    }
  }
}

function contradictions(document: ConfigDocument): DocumentFault[] {
  const faults: DocumentFault[] = [];
  const add = (path: Path, message: string) => faults.push(faultAt(path, 'contradiction', message));
  document.campaigns?.forEach((campaign, place) => {
    if (campaign.workflow && campaign.pushStrategy) add(['campaigns', place, 'pushStrategy'], 'a campaign has a workflow or a push strategy, not both');
  });
  document.workflows?.forEach((workflow, place) => {
    if (workflow.mode === 'window' && !workflow.window) add(['workflows', place, 'window'], 'mode window needs window: { length: P3D, every: PT15M }');
    for (const { key, message } of boundFaults(workflow.window ?? {})) faults.push(faultAt(['workflows', place, 'window', key], 'invalid', message));
  });
  document.orders?.forEach((order, place) => {
    if ((order.quantity === undefined) === (order.amount === undefined)) add(['orders', place], 'an order has a quantity or an amount: one of them');
    if (order.end !== undefined && Date.parse(order.end) <= Date.parse(order.start)) add(['orders', place, 'end'], 'an order ends after it starts');
  });
  return faults;
}

/** P1: the shares of those who meet in one rule must not add up to more than all. */
function percentageSums(document: ConfigDocument): DocumentFault[] {
  const faults: DocumentFault[] = [];
  document.workflows?.forEach((workflow, place) => {
    const shares = [
      ...(workflow.groups ?? []).map((phase, at) => ({ path: ['workflows', place, 'groups', at], rule: phase })),
      ...(workflow.rules ?? []).map((rule, at) => ({ path: ['workflows', place, 'rules', at], rule })),
    ].filter(({ rule }) => rule.method === 'percentage');
    for (const { path, rule } of shares) {
      const fault = sumOf(document, workflow, rule);
      if (fault) faults.push(faultAt(path, 'contradiction', fault));
    }
  });
  return faults;
}

function sumOf(document: ConfigDocument, workflow: Workflow, rule: Rule | GroupPhase): string | undefined {
  const clients = new Map((document.clients ?? []).map((client) => [client.id, client]));
  const inRule = (contract: Contract): boolean => {
    const group = contract.group ?? clients.get(contract.client)?.group;
    if ('group' in rule) return group === rule.group;
    const filter = rule.contracts;
    if (!filter) return true;
    return Boolean(filter.ids?.includes(contract.id) || filter.clients?.includes(contract.client)
      || (group && filter.groups?.includes(group)) || contract.tags?.some((tag) => filter.tags?.includes(tag)));
  };
  for (const campaign of document.campaigns ?? []) {
    if (campaign.workflow !== workflow.id) continue;
    const meeting = (document.contracts ?? []).filter((contract) =>
      contract.status !== 'closed' && (!contract.campaigns?.length || contract.campaigns.includes(campaign.id)) && inRule(contract));
    const shares = new Map(meeting.map((contract) => (rule.by === 'client'
      ? [contract.client, clients.get(contract.client)?.percentage ?? 0] as const
      : [contract.id, contract.percentage ?? 0] as const)));
    // In hundred-thousandths, so that 33.3 + 33.3 + 33.4 is 100.
    const sum = [...shares.values()].reduce((total, share) => total + Math.round(share * 100_000), 0);
    if (sum > 10_000_000) {
      const who = [...shares].filter(([, share]) => share > 0).slice(0, 8).map(([name, share]) => `${name} ${share}`).join(', ');
      return `percentages in campaign ${campaign.id} add up to ${sum / 100_000}, more than 100 (${who})`;
    }
  }
  return undefined;
}

const moneyKeys = new Set(['price', 'amount', 'overdraw', 'minTurnover', 'turnover', 'creditLimit']);

/** Amounts that the currency cannot hold. */
function units(document: ConfigDocument): DocumentFault[] {
  const currency = document.currency ?? 'USD';
  const faults: DocumentFault[] = [];
  const walk = (node: unknown, path: Path, money: boolean): void => {
    if (typeof node === 'object' && node !== null) {
      for (const [key, child] of Object.entries(node)) {
        const step = Array.isArray(node) ? Number(key) : key;
        if (key !== 'criteria' && key !== 'fields') walk(child, [...path, step], moneyKeys.has(key) || path.at(-1) === 'prices');
      }
    } else if (money && (typeof node === 'number' || typeof node === 'string')) {
      try {
        parseMoney(node, currency);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        faults.push(faultAt(path, 'wrong_unit', error.message));
      }
    }
  };
  const priced = { clients: document.clients, contracts: document.contracts, campaigns: document.campaigns, workflows: document.workflows,
    orders: document.orders, pushStrategies: document.pushStrategies, groups: document.groups };
  walk(priced, [], false);
  return faults;
}
