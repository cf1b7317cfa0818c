/** Windows on a real database, with a clock that stands still and an engine that is the test's own hand. */
import { busMigrations, PostgresBus, type Subscription } from '@sluice/bus';
import { Database } from '@sluice/db';
import type { ConfigDocument } from '@sluice/distribution';
import {
  definitions, DistributionRequested, LeadDistributed, LeadFulfilled, LeadNotDistributed, OutboundLeadReleased, workflowTopic,
  type EventDefinition, type Heard, type Said,
} from '@sluice/events';
import { PinoLog, Problem, ServiceClient, VirtualClock, type Clock, type Principal } from '@sluice/runtime';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { ConfigurationService } from './configuration.service.js';
import { ConfigurationStore } from './configuration.store.js';
import { EngineQueries } from './engine-queries.service.js';
import { WindowCommands } from './window-commands.service.js';
import { WindowOutcomes, WindowStores } from './window-outcomes.service.js';
import { WindowSignal } from './window-signal.service.js';
import { WindowTerms } from './window-terms.service.js';
import { WindowTimersStore } from './window-timers.store.js';
import { WindowTries } from './window-tries.service.js';
import { WindowWakes } from './window-wakes.service.js';
import { WindowsStore, type WindowRow } from './windows.store.js';
import { workflowService } from './workflow.module.js';

export const NOON = Date.parse('2026-03-02T12:00:00Z');
export const MINUTE = 60_000;
export const TENANTS = ['a', 'b'] as const;

/** Answers as the engine does to the question which leads there are: those called `loose…` have no campaign, `sold…` somebody has. */
class Leads extends ServiceClient {
  override async post<T>(_service: string, _path: string, body: unknown): Promise<T> {
    const known = (body as { ids: string[] }).ids.filter((id) => !id.startsWith('unknown'));
    return known.map((leadId) => ({
      leadId, campaignId: leadId.startsWith('loose') ? '' : 'solar', receivedAt: NOON, windowGeneration: 0, standing: leadId.startsWith('sold') ? 1 : 0,
    })) as T;
  }
}

export const document: ConfigDocument = {
  apiVersion: 'v1',
  clients: [{ id: 'acme' }, { id: 'bolt' }],
  contracts: [
    { id: 'acme-1', client: 'acme', campaigns: ['solar'], price: '30.00', caps: { day: 10 } },
    { id: 'bolt-1', client: 'bolt', price: '20.00', deliveryMethod: 'hook' },
    { id: 'acme-roofs', client: 'acme', campaigns: ['roofs'], price: '10.00' },
  ],
  campaigns: [
    { id: 'solar', workflow: 'patient' }, { id: 'roofs', workflow: 'patient' }, { id: 'quick', workflow: 'at-once' }, { id: 'branches', pushStrategy: 'push' },
  ],
  workflows: [
    { id: 'patient', mode: 'window', window: { length: 'PT6H', every: 'PT30M' }, rules: [{ method: 'price' }], fallback: 'last' },
    { id: 'last', rules: [{ method: 'price' }] },
    { id: 'at-once', mode: 'onArrival', rules: [{ method: 'price' }] },
  ],
  pushStrategies: [{ id: 'push', from: 'corporate', recipients: [{ to: 'north' }], timeout: { after: 'PT1H', to: 'north' } }],
  deliveryMethods: [{ id: 'hook', type: 'webhook', url: 'https://example.com' }],
};

/** The timers of one process. */
export function triesOn(database: Database, bus: PostgresBus, clock: Clock): WindowTries {
  const windows = new WindowsStore();
  return new WindowTries(database, bus, clock, new WindowStores(windows, new WindowTimersStore(), new WindowTerms(windows)));
}

export interface SaidOf {
  readonly type: string;
  readonly tenantId: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export class WindowRig {
  readonly clock = new VirtualClock(NOON);
  readonly signal = new WindowSignal();
  readonly windows = new WindowsStore();
  readonly timers = new WindowTimersStore();
  readonly outcomes: WindowOutcomes;
  readonly tries: WindowTries;
  readonly commands: WindowCommands;
  readonly configurations: ConfigurationService;
  private readonly heard: SaidOf[] = [];
  private readonly heardTo = new Map<number, number>();
  private taken = 0;
  private ear: Subscription | undefined;
  private events = 0;

  private constructor(private readonly server: TestDatabase, readonly database: Database, readonly bus: PostgresBus) {
    const stores = new WindowStores(this.windows, this.timers, new WindowTerms(this.windows));
    this.outcomes = new WindowOutcomes(stores, bus, this.clock, this.signal);
    this.tries = new WindowTries(database, bus, this.clock, stores);
    this.commands = new WindowCommands(database, bus, this.clock, stores, new EngineQueries(new Leads(), new PinoLog('test', 'silent')));
    const wakes = new WindowWakes(this.timers, this.signal);
    this.configurations = new ConfigurationService(database, bus, this.clock, new ConfigurationStore(), wakes);
  }

  static async open(): Promise<WindowRig> {
    const server = await testDatabase({ migrations: [...busMigrations, ...workflowService.migrations] });
    const database = await Database.open({ url: server.url, entities: workflowService.entities, poolMax: 20 });
    const rig = new WindowRig(server, database, await PostgresBus.open(database));
    const types = [...definitions.values()].filter(({ topic }) => topic.name === workflowTopic.name);
    rig.ear = await rig.bus.subscribe({
      group: 'ear', service: 'workflow', topics: [workflowTopic.name], types: types.map(({ type }) => type),
      async handle(batch, tx) {
        tx.afterCommit(() => {
          rig.heard.push(...batch.events.map(({ type, tenantId, data }) => ({ type: type.split('.').at(-1)!, tenantId, data: data as never })));
          rig.heardTo.set(batch.partition, batch.last);
        });
      },
    });
    for (const tenant of TENANTS) await rig.apply(tenant, document);
    await rig.said();
    return rig;
  }

  async close(): Promise<void> {
    await this.ear?.close();
    await this.bus.close();
    await this.database.close();
    await this.server.drop();
  }

  get url(): string {
    return this.server.url;
  }

  /** No window, nothing heard of, and the clock at noon. */
  async empty(): Promise<void> {
    await this.said();
    await this.forget();
    this.clock.moveTo(NOON);
  }

  async forget(): Promise<void> {
    await this.database.pool.query(
      'TRUNCATE workflow.windows, workflow.window_timers, workflow.window_waits, workflow.window_wakes, workflow.window_history');
  }

  admin(tenantId: string): Principal {
    return { kind: 'admin', tenantId, id: `admin of ${tenantId}` } as Principal;
  }

  async apply(tenantId: string, next: ConfigDocument): Promise<number> {
    return (await this.configurations.write(this.admin(tenantId), () => next)).version;
  }

  /** What workflow has said since the last call, in the order of the log within a tenant; changes of the configuration left out. */
  async said(): Promise<SaidOf[]> {
    for (let tries = 0; tries < 1000; tries++) {
      if ((await this.bus.lag('ear')).every(({ partition, head }) => (this.heardTo.get(partition) ?? 0) >= head)) break;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const fresh = this.heard.slice(this.taken).filter(({ type }) => type !== 'ConfigurationChanged');
    this.taken = this.heard.length;
    return fresh;
  }

  /** What was said since the last call, as `type lead`. */
  async saidShort(): Promise<string[]> {
    return (await this.said()).map(({ type, data }) => `${type} ${String(data['leadId'])}`);
  }

  /** Has workflow hear events as one batch. */
  async hear(...said: readonly Said[]): Promise<void> {
    const events: Heard[] = said.map((one) => {
      const definition = definitions.get(one.type) as EventDefinition;
      return { ...one, seq: ++this.events, data: definition.parse(one.value) };
    });
    const tenants = [...new Set(said.map(({ tenantId }) => tenantId))];
    await this.database.transaction({ service: 'workflow', tenants }, (tx) => this.outcomes.take(
      { group: 'workflow', topic: 'sluice.distribution', partition: 0, first: 1, last: events.length, events, parked: [] }, tx));
  }

  async row(tenantId: string, leadId: string): Promise<WindowRow | undefined> {
    return this.database.transaction({ service: 'workflow', tenants: [tenantId] }, (tx) => this.windows.one(tx, tenantId, leadId));
  }

  /** When the lead's timer is due, in minutes after noon; null = it sleeps, undefined = it has none. */
  async due(tenantId: string, leadId: string, kind = 'window'): Promise<number | null | undefined> {
    const { rows } = await this.database.pool.query<{ due_at: string | null }>(
      'SELECT due_at FROM workflow.window_timers WHERE tenant_id = $1 AND lead_id = $2 AND kind = $3', [tenantId, leadId, kind]);
    if (!rows[0]) return undefined;
    return rows[0].due_at === null ? null : (Number(rows[0].due_at) - NOON) / MINUTE;
  }

  /** Moves the clock to so many minutes after noon, and asks for all that is due then. */
  async at(minutes: number): Promise<void> {
    this.clock.moveTo(NOON + minutes * MINUTE);
    await this.run();
  }

  async run(): Promise<void> {
    while (await this.tries.workOffWake());
    while ((await this.tries.claim()).tried > 0);
  }

  async refusal(work: Promise<unknown>): Promise<string> {
    return work.then(() => 'done', (error: unknown) => (error instanceof Problem ? `${error.status} ${error.code}` : String(error)));
  }

  // What the engine says.

  private about() {
    return { id: `e${++this.events}`, time: this.clock.now(), traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' };
  }

  unsold(tenantId: string, leadId: string, more: Partial<LeadNotDistributed> = {}): Said {
    return LeadNotDistributed.make({
      tenantId, leadId, attemptId: `attempt ${this.events}`, campaignId: 'solar', trigger: 'arrival', round: 1, configurationVersion: 1,
      decidedAt: new Date(this.clock.now()).toISOString(), reason: 'cap_day', reasons: ['cap_day', 'criteria'], ...more,
    }, this.about());
  }

  sold(tenantId: string, leadId: string, more: Partial<LeadDistributed> = {}): Said {
    return LeadDistributed.make({
      tenantId, leadId, attemptId: `attempt ${this.events}`, campaignId: 'solar', trigger: 'arrival', round: 1, configurationVersion: 1,
      decidedAt: new Date(this.clock.now()).toISOString(), full: false,
      picks: [{ outboundLeadId: `${leadId} 1`, contractId: 'acme-1', clientId: 'acme', priceMinor: '3000', currency: 'USD' }], ...more,
    }, this.about());
  }

  released(tenantId: string, leadId: string, contractId = 'acme-1'): Said {
    return OutboundLeadReleased.make({ tenantId, leadId, outboundLeadId: `${leadId} 1`, contractId, reason: 'rejected' }, this.about());
  }

  fulfilled(tenantId: string, leadId: string): Said {
    return LeadFulfilled.make({ tenantId, leadId, campaignId: 'solar', at: new Date(this.clock.now()).toISOString() }, this.about());
  }
}

export const requests = (said: readonly SaidOf[]) => said.filter(({ type }) => type === 'DistributionRequested').map(({ data }) => data as unknown as DistributionRequested);
