import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { busMigrations, PostgresBus } from '@sluice/bus';
import { Database } from '@sluice/db';
import { ConfigurationChanged, OutboundLeadReserved, type Heard, type Said } from '@sluice/events';
import { uuid7 } from '@sluice/kernel';
import { GuardedHttpSender, MasterKey, PinoLog, ServiceClient, SystemClock } from '@sluice/runtime';
import { Pool } from 'undici';
import { AttemptDelivery } from './attempt-delivery.service.js';
import { deliveryConfig, DeliverySettings } from './config.js';
import { ConfigurationService } from './configuration.service.js';
import { AttemptStages, DeliveryJob } from './delivery.job.js';
import { EndpointBook } from './endpoint-book.service.js';
import { EndpointHealth } from './endpoint-health.service.js';
import { deliveryService } from './index.js';
import { JobInfra } from './job-infra.service.js';
import { PersonalFields } from './personal-fields.service.js';
import { ReservationsService } from './reservations.service.js';
import { ReservationsStore } from './reservations.store.js';
import { Sealer } from './sealer.service.js';
import { SettleAttempts } from './settle-attempts.service.js';
import { WorkSignal } from './work-signal.service.js';
import { WorkStore } from './work.store.js';

export interface DeliveryBenchOptions {
  /** An empty database on the server that is measured; its user may make roles. */
  readonly url: string;
  readonly deliveries?: number;
  /** Of the run with receivers that hang: how long, and how many a second. */
  readonly pacedMs?: number;
  readonly pacedRate?: number;
}

/** One line of the table of benchmarks. */
export interface BenchRow {
  readonly what: string;
  readonly measured: number;
  readonly unit: string;
  readonly against?: string;
  readonly ratio?: number;
  readonly goal: string;
  readonly met: boolean;
}

const TENANT = 'bench';
const CONNECTIONS = 64;
const FIELDS = { firstName: 'Ann', lastName: 'Example', email: 'ann.example@example.com', phone: '+12025550142', street: '1 Main Street', city: 'Troy' };

/** A receiver of its own process, so that it has a core of its own: `/hangs…` never answers, all else is accepted at once. */
const RECEIVER = `
  const http = require('node:http');
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => {
      if (request.url.startsWith('/hangs')) return;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"result":"accepted","id":"r1"}');
    });
  });
  server.keepAliveTimeout = 60000;
  server.listen(0, '127.0.0.1', () => process.stdout.write(String(server.address().port) + '\\n'));
`;

/** The vault's answer without its cost: what is measured is delivery. */
class OpenVault extends ServiceClient {
  override async post<T>(_service: string, _path: string, body: unknown): Promise<T> {
    return { leads: (body as { leadIds: string[] }).leadIds.map((leadId) => ({ leadId, fields: FIELDS })) } as T;
  }
}

/** Signed webhooks with their receipts against a bare pool to the same receiver, and what receivers that hang do to the others. */
export async function benchDelivery(options: DeliveryBenchOptions): Promise<BenchRow[]> {
  const { url, deliveries = 20_000, pacedMs = 6_000, pacedRate = 400 } = options;
  const receiver = spawn(process.execPath, ['-e', RECEIVER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const database = await Database.open({ url, poolMax: 16, migrations: [...busMigrations, ...deliveryService.migrations] as never });
  let rig: Rig | undefined;
  try {
    const port = await portOf(receiver);
    await database.migrate();
    rig = await Rig.open(database, `http://127.0.0.1:${port}`);
    const bare = await barePool(port, deliveries);
    const rate = await rig.flood(deliveries);
    const calm = await rig.paced(pacedMs, pacedRate, 0);
    const disturbed = await rig.paced(pacedMs, pacedRate, 3);
    const ratio = round(rate / bare);
    const move = round(disturbed / calm);
    return [
      { what: 'signed webhooks with batched receipts', measured: Math.round(rate), unit: 'deliveries/s', against: `bare undici pool: ${Math.round(bare)}/s`, ratio,
        goal: '≥ 0.7', met: ratio >= 0.7 },
      { what: `p99 of 7 endpoints while 3 of 10 hang, ${pacedRate}/s`, measured: disturbed, unit: 'ms', against: `none hangs: ${calm} ms`, ratio: move, goal: '≤ 1.10', met: move <= 1.1 },
    ];
  } finally {
    receiver.kill('SIGKILL');
    await rig?.close();
    await database.close();
  }
}

/** Delivery with everything that it consists of, but for Nest. */
class Rig {
  private version = 0;

  private constructor(
    private readonly database: Database, private readonly bus: PostgresBus, private readonly base: string,
      private readonly reservations: ReservationsService,
    private readonly configuration: ConfigurationService, private readonly job: DeliveryJob, private readonly sender: GuardedHttpSender,
  ) {}

  static async open(database: Database, base: string): Promise<Rig> {
    const [clock, log, signal] = [new SystemClock(), new PinoLog('bench', 'error'), new WorkSignal()];
    const bus = await PostgresBus.open(database, { log });
    const concurrency = { DELIVERY_ENDPOINT_CONCURRENCY: String(CONNECTIONS), DELIVERY_CONCURRENCY: String(8 * CONNECTIONS) };
    const settings = new DeliverySettings(deliveryConfig.parse(concurrency));
    const sealer = new Sealer(new MasterKey(randomBytes(32)));
    const sender = new GuardedHttpSender({ allow: ['127.0.0.0/8'], connections: CONNECTIONS });
    const [store, reservationsStore, infra] = [new WorkStore(database), new ReservationsStore(), new JobInfra(clock, log)];
    const reservations = new ReservationsService(reservationsStore, bus, clock, signal);
    const health = new EndpointHealth(database, bus, clock, log, settings);
    const stages = new AttemptStages(new EndpointBook(store, sealer), new PersonalFields(new OpenVault(), log),
      new AttemptDelivery(sender, clock, sealer),
      new SettleAttempts(store, bus, health, infra, signal), health);
    const job = new DeliveryJob(store, stages, signal, settings, infra);
    return new Rig(database, bus, base, reservations, new ConfigurationService(bus, clock, log, sealer, reservations), job, sender);
  }

  async close(): Promise<void> {
    await this.job.beforeApplicationShutdown();
    await this.bus.close();
    await this.sender.close();
  }

  /** Everything due at once, to one endpoint: deliveries a second, from the first claim to the last receipt. */
  async flood(count: number): Promise<number> {
    await this.configure({ flood: '/flood' });
    for (let begun = 0; begun < count; begun += 500) await this.reserve(Array.from({ length: Math.min(500, count - begun) }, () => 'flood'));
    const before = await this.told();
    const start = performance.now();
    this.job.onApplicationBootstrap();
    while (await this.told() < before + count) await pause(20);
    return count / ((performance.now() - start) / 1_000);
  }

  /** Events that delivery has said: a counter that costs nothing to read, where counting the queue took a quarter of the server's time. */
  private async told(): Promise<number> {
    const [row] = await this.rows<{ head: number }>(`SELECT sum(head)::float8 AS head FROM log.head WHERE topic = 'sluice.delivery'`);
    return row?.head ?? 0;
  }

  /** Ten endpoints at an even rate, of which some hang: p99 of the others from reservation to receipt, in ms. */
  async paced(forMs: number, rate: number, hanging: number): Promise<number> {
    const names = Array.from({ length: 10 }, (_, n) => `paced-${hanging}-${n}`);
    await this.configure(Object.fromEntries(names.map((name, n) => [name, n < hanging ? `/hangs/${n}` : `/${name}`])));
    const every = 20;
    const start = performance.now();
    for (let turn = 0, place = 0; turn * every < forMs; turn++) {
      const methods = Array.from({ length: Math.round((rate * every) / 1_000) }, () => names[place++ % names.length]!);
      await this.reserve(methods);
      await pause(Math.max(0, start + (turn + 1) * every - performance.now()));
    }
    await pause(500);
    const [row] = await this.rows<{ p99: number }>(`
      SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM settled_at - created_at) * 1000)::float8 AS p99
        FROM delivery.deliveries WHERE method_id = ANY ($1) AND state = 'accepted'`, [names]);
    await this.configure(Object.fromEntries(names.map((name) => [name, null])));
    return round(row?.p99 ?? Number.NaN);
  }

  private async configure(paths: Record<string, string | null>): Promise<void> {
    const version = ++this.version;
    const items = Object.entries(paths).map(([id, path]) => ({ kind: 'deliveryMethod', id, removed: path === null,
      body: { type: 'webhook', url: `${this.base}${path ?? '/'}`, timeout: 'PT15S', accept: { status: 200, body: { path: '$.result', equals: 'accepted' } } } as never }));
    const said = ConfigurationChanged.make({ tenantId: TENANT, version, part: 1, parts: 1, items }, { id: newId(), time: Date.now() });
    await this.inTenant((tx) => this.configuration.take(tx, [heard(said, ConfigurationChanged.parse(said.value))]));
  }

  private async reserve(methods: readonly string[]): Promise<void> {
    const now = new Date(Date.now()).toISOString();
    await this.inTenant((tx) => this.reservations.take(tx, methods.map((deliveryMethodId) => {
      const said = OutboundLeadReserved.make({
        tenantId: TENANT, outboundLeadId: newId(), leadId: newId(), attemptId: newId(), campaignId: 'solar', contractId: 'c1', clientId: 'acme', deliveryMethodId,
        priceMinor: '2500', currency: 'USD', reservedAt: now, receivedAt: now, configurationVersion: this.version,
        attributes: { state: 'NY', 'zip.state': 'NY', monthlyBill: 250, homeowner: true } as never,
      }, { id: newId(), time: Date.now() });
      return heard(said, OutboundLeadReserved.parse(said.value));
    })));
  }

  private inTenant(work: Parameters<Database['transaction']>[1]): Promise<unknown> {
    return this.database.transaction({ service: 'delivery', tenants: [TENANT] }, work);
  }

  private async rows<T>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    return (await this.database.pool.query(text, [...values])).rows as T[];
  }
}

/** The limit: the same bytes through a bare pool, as fast as it goes. */
async function barePool(port: number, count: number): Promise<number> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: CONNECTIONS });
  const body = JSON.stringify({ type: 'lead.delivered', data: { ...FIELDS, padding: 'x'.repeat(480) } });
  const send = async () => {
    const response = await pool.request({ path: '/bare', method: 'POST', headers: { 'content-type': 'application/json' }, body });
    await response.body.text();
  };
  for (let n = 0; n < 500; n++) await send();
  const start = performance.now();
  let sent = 0;
  await Promise.all(Array.from({ length: CONNECTIONS }, async () => { while (sent++ < count) await send(); }));
  const rate = count / ((performance.now() - start) / 1_000);
  await pool.close();
  return rate;
}

function heard<T>(said: Said, data: T): Heard<T> {
  return { seq: 0, id: said.id, type: said.type, subject: said.subject, tenantId: said.tenantId, time: said.time, traceparent: undefined,
    data };
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.stdout!.once('data', (chunk: Buffer) => resolve(Number(chunk.toString())));
    child.once('exit', () => reject(new Error('the receiver ended')));
  });
}

const newId = () => uuid7(Date.now(), randomBytes(10));
const round = (value: number) => Math.round(value * 100) / 100;
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
