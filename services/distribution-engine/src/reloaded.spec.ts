import { expect, it } from '@jest/globals';
import type { ConfigItem, StateEntry } from '@sluice/distribution';
import type { Heard, Said } from '@sluice/events';
import { seededRandom } from '@sluice/kernel';
import fc from 'fast-check';
import { storedLead } from './batch.store.js';
import { tools } from './bench.suite.js';
import {
  aConfiguration, aDocument, aLead, anId, aRequest, aResult, aReturn, aSign, aWindow, hear, NOON,
} from './builders.suite.js';
import { keyOf, type Changes, type OutboundLeadRow, type StoredLead, type WaitingRow } from './changes.js';
import { heldLead } from './held.js';
import { partitionMemory, type PartitionMemory, type PartRecord } from './memory.js';
import { pastIn } from './past.js';
import { step } from './step.js';
import { wantedLeads } from './wanted.js';

const TENANTS = ['a', 'b'];
const MINUTE = 60_000;
const document = aDocument({
  contracts: [
    { id: 'acme-1', client: 'acme', price: '30.00', maxShareCount: 2, caps: { hour: 3 }, deliveryMethod: 'hook' },
    { id: 'acme-2', client: 'acme', price: '30.00', maxShareCount: 3, caps: { rolling60m: 2 }, deliveryMethod: 'hook' },
    { id: 'bolt-1', client: 'bolt', price: '20.00', maxShareCount: 2, deliveryMethod: 'hook',
      criteria: { field: 'state', op: 'equals', value: 'NY' } },
  ],
  campaigns: [{ id: 'solar', workflow: 'w' }, { id: 'calls' }, { id: 'forced', workflow: 'turns', forceClient: 'wants', forceElse: 'hold' }],
  workflows: [
    { id: 'w', mode: 'window', window: { length: 'PT6H', every: 'PT30M' }, maxMultiplication: 2, rules: [{ method: 'weighted', take: 2 }] },
    { id: 'turns', mode: 'onArrival', maxMultiplication: 2, rules: [{ method: 'roundRobin', take: 1 }] },
  ],
  pushStrategies: [
    { id: 'top', campaigns: ['calls'], from: 'corporate', onlyActiveWithin: 'PT10M', timeout: { after: 'PT2H', to: 'u3' },
      recipients: [{ to: 'east' }, { to: 'u3', criteria: { field: 'state', op: 'equals', value: 'TX' } }] },
    { id: 'east-down', campaigns: ['calls'], from: 'east', onlyActiveWithin: 'PT10M',
      recipients: [{ to: 'u1', caps: { hour: 2 } }, { to: 'u2' }] },
  ],
});

/** The tables, as far as a load reads them; all that goes in passes through text, as it does there. */
class Tables {
  readonly leads = new Map<string, string[]>();
  private readonly state = new Map<string, Map<string, string>>();
  private readonly items = new Map<string, Map<string, ConfigItem>>();
  private readonly versions = new Map<string, number>();
  private readonly parts = new Map<string, PartRecord & { tenantId: string }>();
  private readonly waiting = new Map<number, WaitingRow & { batchNo: number }>();

  write(changes: Changes, batchNo: number): void {
    for (const tenantId of changes.tenants) this.versions.set(tenantId, 0);
    for (const [key, one] of changes.leads) {
      this.leads.set(key, [JSON.stringify(one.lead), JSON.stringify(one.life), JSON.stringify(one.attempts), String(one.windowGeneration),
        one.window ? JSON.stringify(one.window) : '', one.heldSince === undefined ? '' : String(one.heldSince)]);
    }
    for (const { tenantId, key, value } of changes.state) this.of(this.state, tenantId).set(key, String(value));
    for (const { tenantId, key } of changes.forgotten) this.of(this.state, tenantId).delete(key);
    for (const { tenantId, kind, id, entry, body } of changes.items) {
      this.of(this.items, tenantId).set(`${kind} ${id}`, { kind, id, entry, body: body === null ? null : JSON.parse(body) } as ConfigItem);
    }
    for (const { tenantId, version } of changes.versions) {
      this.versions.set(tenantId, version);
      for (const [key, part] of this.parts) if (part.tenantId === tenantId && part.version === version) this.parts.delete(key);
    }
    for (const part of changes.parts) {
      this.parts.set(`${part.tenantId} ${part.version} ${part.part}`, { ...part, items: JSON.parse(part.items) as ConfigItem[] });
    }
    for (const row of changes.waiting) this.waiting.set(row.seq, { ...row, batchNo });
    for (const { seq } of changes.taken) this.waiting.delete(seq);
  }

  lead(key: string): StoredLead | undefined {
    const row = this.leads.get(key);
    if (!row) return undefined;
    const [lead, life, attempts, generation, window, heldSince] = row as [string, string, string, string, string, string];
    return storedLead({
      lead, life, attempts, window_generation: Number(generation), lead_window: window || null, held_since: heldSince || null,
    });
  }

  memory({ partition, batchNo, now }: PartitionMemory): PartitionMemory {
    const leads = [...this.leads.keys()].map((key) => this.lead(key)!);
    return partitionMemory(partition, { epoch: 1, batchNo, now }, {
      tenants: [...this.versions].map(([tenantId, version]) => ({
        tenantId, version,
        items: [...this.of(this.items, tenantId).values()].filter(({ body }) => body !== null).reverse(),
        state: [...this.of(this.state, tenantId)].map(([key, value]): StateEntry => ({ key, value: Number(value) })).reverse(),
        parts: [...this.parts.values()].filter((part) => part.tenantId === tenantId),
        held: leads.filter(({ lead }) => lead.tenantId === tenantId).flatMap((stored) => heldLead(stored) ?? []).reverse(),
      })),
      waiting: [...this.waiting.values()].sort((a, b) => a.batchNo - b.batchNo || a.seq - b.seq)
        .map((row) => ({ ...row, heard: JSON.parse(row.event) as Heard })),
    }, tools.market);
  }

  private of<V>(tables: Map<string, Map<string, V>>, tenantId: string): Map<string, V> {
    let rows = tables.get(tenantId);
    if (!rows) tables.set(tenantId, (rows = new Map()));
    return rows;
  }
}

type Random = ReturnType<typeof seededRandom>;

/** What people, clients, windows and timers may say of the leads of a tenant, known to the engine or not. */
function anything(random: Random, sold: readonly OutboundLeadRow[], versions: Map<string, number>, now: number): Said[] {
  const tenantId = random.pick(TENANTS);
  const leadId = `L${random.int(0, 30)}`;
  const version = versions.get(tenantId) ?? 0;
  const mine = sold.filter((one) => one.tenantId === tenantId);
  const generation = random.int(1, 4);
  const window = { tenantId, leadId, generation, expiresAt: now + random.int(-1, 3) * 60 * MINUTE };
  return random.pick<() => Said[]>([
    () => [aLead(tenantId, `new ${anId('L')}`, { campaignId: 'calls', configurationVersion: version + random.int(0, 1),
      receivedAt: iso(now), attributes: { state: random.pick(['NY', 'TX']) } })],
    () => mine.slice(-random.int(1, 4)).map((one) => aResult(random.pick(['accepted', 'rejected', 'failed', 'unresolved']), one)),
    () => mine.slice(-random.int(1, 9)).slice(0, 1).map((one) => aReturn(one)),
    () => [aRequest(tenantId, leadId, { contractIds: [random.pick(['acme-1', 'acme-2', 'bolt-1'])],
      overrides: random.pick([[], ['cap_hour', 'criteria']]),
      configurationVersion: version + random.int(0, 1) })],
    () => [aRequest(tenantId, leadId, { trigger: 'cherryPick', contractIds: [random.pick(['acme-1', 'bolt-1'])] })],
    () => [aRequest(tenantId, leadId, { trigger: random.pick(['window', 'push']), windowGeneration: random.int(0, 4), actor: '',
      configurationVersion: version + random.int(0, 1) })],
    () => [aWindow(random.pick(['opened', 'opened', 'paused', 'resumed', 'edited', 'stopped', 'expired']), window)],
    () => [aSign(tenantId, random.pick(['u1', 'u2', 'u3', 'nobody']), now)],
    () => {
      versions.set(tenantId, version + 1);
      const caps = () => random.pick([undefined, { hour: random.int(1, 3) }, { rolling60m: 2 }, { day: { count: 4, amount: '90.00' } }]);
      const changed = {
        ...document, groups: [{ id: 'gold', caps: caps() }], campaigns: document.campaigns!.map((one) => ({ ...one, caps: caps() })),
        contracts: document.contracts!.map((one) => ({ ...one, price: `${random.int(10, 40)}.00`, caps: caps() })),
        clients: document.clients!.map((one) => ({ ...one, group: random.pick([undefined, 'gold']), caps: caps() })),
        pushStrategies: document.pushStrategies!.map((one) => ({ ...one, caps: caps(),
          recipients: one.recipients.map((recipient) => ({ ...recipient, caps: caps() })) })),
      };
      return aConfiguration(tenantId, version + 1, changed, random.int(1, 3));
    },
  ])();
}

it('a batch finds all that it asks for among what was fetched, and who loaded the partition a moment ago decides the same', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
    const random = seededRandom(`reloaded ${seed}`);
    const tables = new Tables();
    const versions = new Map<string, number>();
    const live = partitionMemory(3, { epoch: 1, batchNo: 0, now: NOON }, { tenants: [], waiting: [] }, tools.market);
    let other = partitionMemory(3, { epoch: 1, batchNo: 0, now: NOON }, { tenants: [], waiting: [] }, tools.market);
    let [seq, now] = [1, NOON];
    const sold: OutboundLeadRow[] = [];
    const ahead: Said[] = [];
    for (let leads = 0, batch = 0; batch < 14; batch++) {
      now += random.pick([0, MINUTE, 40 * MINUTE]);
      const said = [...ahead.splice(0), ...Array.from({ length: random.int(1, 8) }, () => anything(random, sold, versions, now)).flat()];
      for (const tenantId of TENANTS) {
        said.push(aLead(tenantId, `L${leads}`, { campaignId: random.pick(['solar', 'calls', 'forced']),
          configurationVersion: versions.get(tenantId) ?? 0, receivedAt: iso(now), attributes: { state: random.pick(['NY', 'TX']), wants: random.pick(['acme', 'bolt', '']) } }));
      }
      leads++;
      // Parts of a version may lie in several batches.
      if (random.chance(0.3)) ahead.push(...said.splice(random.int(0, said.length)));
      const events = hear(said, seq);
      seq += events.length;
      const fetched = new Set(wantedLeads(events, live, false).map(({ tenantId, leadId }) => keyOf(tenantId, leadId)));
      const past = pastIn(() => [...tables.leads.keys()].map((key) => tables.lead(key)!));
      const changes = step(live, { topic: 't', events }, (key) => (fetched.has(key) ? tables.lead(key) : undefined), now, tools, past);
      if (random.chance(0.4)) other = tables.memory(other);
      const again = step(other, { topic: 't', events }, (key) => tables.lead(key), now, tools, past);
      expect(shown(again)).toEqual(shown(changes));
      tables.write(changes, live.batchNo);
      sold.push(...changes.outboundLeads);
    }
  }), { numRuns: 100 });
}, 240_000);

const iso = (at: number) => new Date(at).toISOString();

function shown(changes: Changes): unknown {
  const { attempts, outboundLeads, settled, said, waiting, taken, leads, counted } = changes;
  const state = new Map(changes.state.map(({ tenantId, key, value }) => [`${tenantId} ${key}`, Number(value)]));
  return { attempts, outboundLeads, counted, settled: [...settled], said: said.map(({ id, type, value }) => [id, type, String(value)]),
    waiting: waiting.map(({ seq, kind, restsOn }) => [seq, kind, restsOn]), taken,
    leads: [...leads].map(([key, one]) => [key, JSON.stringify(one)]),
    state: [...state].filter(([, value]) => value !== 0).sort(([a], [b]) => (a < b ? -1 : 1)) };
}
