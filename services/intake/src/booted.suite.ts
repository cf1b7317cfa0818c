import 'reflect-metadata';
import { Global, Module, StandardSchemaValidationPipe, type DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Bus, busMigrations, BusTransport, PostgresBus, type Subscription } from '@sluice/bus';
import { Database, type Tx } from '@sluice/db';
import { ConfigurationChanged, definitions, LeadDistributed, LeadNotDistributed, LeadReceived, type Said } from '@sluice/events';
import { uuid7 } from '@sluice/kernel';
import { AccessGuard, AccessRules, Authenticator, Clock, Log, PinoLog, ProblemFilter, signPrincipal, SystemClock, type Principal } from '@sluice/runtime';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { randomBytes } from 'node:crypto';
import { Writable } from 'node:stream';
import { IntakeConfig } from './config.js';
import type { Fault } from './fault.js';
import { IntakeModule, intakeService, SourceAuthenticator, SourcesService } from './index.js';

export const MASTER_KEY = Buffer.alloc(32, 7).toString('base64');
const SECRET = 'a secret that the services of this test share';

/** An admin key a tenant, as the gateway would know it. */
class Admins extends Authenticator {
  override async authenticate(key: string): Promise<Principal | undefined> {
    const tenantId = /^admin-(\w+)$/.exec(key)?.[1];
    return tenantId === undefined ? undefined : { tenantId, kind: 'admin', id: 'ann' };
  }
}

@Global()
@Module({})
class Infra {
  static with(parts: { database: Database; bus: Bus; clock: Clock; log: Log }): DynamicModule {
    const providers = [
      { provide: Database, useValue: parts.database }, { provide: Bus, useValue: parts.bus },
      { provide: Clock, useValue: parts.clock }, { provide: Log, useValue: parts.log },
    ];
    return { module: Infra, providers, exports: providers.map(({ provide }) => provide) };
  }
}

/** Keeps the log of the process as text, for canaries to be looked for. */
export class Lines extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

interface HeardEvent {
  readonly type: string;
  readonly tenantId: string;
  readonly traceparent: string | undefined;
  readonly data: Record<string, unknown>;
}

interface Item {
  readonly kind: string;
  readonly id: string;
  readonly body?: object;
  readonly removed?: boolean;
}

interface Parts {
  readonly test: TestDatabase;
  readonly database: Database;
  readonly bus: Bus;
  readonly lines: Lines;
  readonly clock: Clock;
  readonly log: Log;
}

export interface BootOptions {
  readonly clock?: Clock;
  readonly config?: Record<string, string>;
  readonly database?: TestDatabase;
}

export const intakeMigrations = [...busMigrations, ...intakeService.migrations];

/** Intake as it runs in a process of its own, on a database of its own; what it says is heard by a group "listener". */
export class Booted {
  private readonly said: Said[] = [];
  private listening: Subscription | undefined;

  private constructor(
    readonly app: NestFastifyApplication, readonly database: Database, readonly bus: Bus, readonly test: TestDatabase,
    readonly lines: Lines, readonly clock: Clock,
  ) {}

  static async start(options: BootOptions = {}): Promise<Booted> {
    const test = options.database ?? (await testDatabase({ migrations: intakeMigrations }));
    const database = await Database.open({ url: test.url, entities: intakeService.entities, poolMax: 8 });
    const lines = new Lines();
    const log = new PinoLog('intake', 'info', lines);
    const clock = options.clock ?? new SystemClock();
    const bus = await PostgresBus.open(database, { log });
    try {
      return await Booted.listening({ test, database, bus, lines, clock, log }, options);
    } catch (error) {
      await bus.close();
      await database.close();
      throw error;
    }
  }

  private static async listening(parts: Parts, options: BootOptions): Promise<Booted> {
    const { test, database, bus, lines, clock, log } = parts;
    const intake = IntakeModule.with(IntakeConfig.parse({ SLUICE_MASTER_KEY: MASTER_KEY, ...options.config }));
    const access = new AccessRules(SECRET);
    const module = await Test.createTestingModule({
      imports: [Infra.with({ database, bus, clock, log }), intake],
      providers: [
        { provide: AccessRules, useValue: access },
        { provide: APP_GUARD, useClass: AccessGuard },
      ],
    }).compile();
    access.authenticators.push(module.get(SourceAuthenticator), new Admins());
    const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
    app.useGlobalFilters(new ProblemFilter(log));
    app.useGlobalPipes(new StandardSchemaValidationPipe());
    app.connectMicroservice({ strategy: new BusTransport(bus) });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    return new Booted(app, database, bus, test, lines, clock);
  }

  async stop(options: { keep?: boolean } = {}): Promise<void> {
    await this.listening?.close();
    await this.app.close();
    await this.bus.close();
    await this.database.close();
    if (!options.keep) await this.test.drop();
  }

  get url(): string {
    const { port } = this.app.getHttpServer().address() as { port: number };
    return `http://127.0.0.1:${port}`;
  }

  get server() {
    return this.app.getHttpAdapter().getInstance();
  }

  /** Everything that intake said so far, in order, by type. */
  async heard(count: number, ...types: { type: string }[]): Promise<HeardEvent[]> {
    await this.listen();
    const wanted = new Set(types.map(({ type }) => type));
    const found = () => this.said.filter((event) => wanted.has(event.type));
    for (let turn = 0; turn < 500 && found().length < count; turn++) await pause(20);
    return found().map(({ type, tenantId, traceparent, value }) => (
      { type, tenantId, traceparent, data: JSON.parse(value) as Record<string, unknown> }));
  }

  /** What was said of one lead; waits until something is. */
  async heardOf(leadId: string) {
    for (let count = 1; count < 200; count++) {
      const found = (await this.heard(0, LeadReceived)).filter(({ data }) => data['leadId'] === leadId);
      if (found.length > 0) return found;
      await pause(25);
    }
    return [];
  }

  async listen(): Promise<void> {
    this.listening ??= await this.bus.subscribe({
      group: 'listener', service: 'intake', topics: ['sluice.intake'], types: [...definitions.keys()].filter((type) => type.startsWith('sluice.intake.')),
      handle: async (batch) => {
        const { topic } = batch;
        for (const event of batch.events) this.said.push({ ...event, topic, key: event.tenantId, value: JSON.stringify(event.data) });
      },
    });
  }

  /** Says what another service would say. */
  async say(tenantId: string, events: readonly Said[]): Promise<void> {
    await this.inDatabase(tenantId, async (tx) => this.bus.append(tx, events));
  }

  inDatabase<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'intake', tenants: [tenantId] }, work);
  }

  /** Rows as the owner of the database sees them, whatever the tenant. */
  async rows<T = Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    return (await this.database.pool.query(text, [...values])).rows as T[];
  }

  /** Applies a configuration version, one part, and waits until intake has taken it. */
  async configure(tenantId: string, version: number, items: readonly Item[]): Promise<void> {
    await this.say(tenantId, [configurationPart(tenantId, version, 1, 1, items)]);
    await this.taken(tenantId, version);
  }

  async taken(tenantId: string, version: number): Promise<void> {
    for (let turn = 0; turn < 500; turn++) {
      const [row] = await this.rows<{ version: number }>(`SELECT version FROM intake.configuration_versions WHERE tenant_id = $1`, [tenantId]);
      if (row && row.version >= version) return;
      await pause(10);
    }
    throw new Error(`version ${version} of ${tenantId} was not taken`);
  }

  /** The key of a new source. */
  async source(tenantId: string, id = 'web', over: object = {}): Promise<string> {
    return (await this.app.get(SourcesService).create(tenantId, { id, name: id, campaign: 'solar', ...over })).key;
  }

  async post(key: string, body: unknown, headers: Record<string, string> = {}, path = '/v1/leads'): Promise<Answer> {
    const response = await fetch(`${this.url}${path}`, {
      method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body),
      headers: { authorization: key.startsWith('Service ') ? key : `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    });
    return answerOf(response);
  }

  async get(key: string, path: string): Promise<Answer> {
    return answerOf(await fetch(`${this.url}${path}`, { headers: { authorization: `Bearer ${key}` } }));
  }

  service(tenantId: string): string {
    return `Service ${signPrincipal({ tenantId, kind: 'service', id: 'delivery' }, SECRET, this.clock.now())}`;
  }

  distributed(tenantId: string, leadId: string, reason?: string): Said {
    const about = { id: uuid7(this.clock.now(), randomBytes(10)), time: this.clock.now() };
    const base = { tenantId, leadId, attemptId: uuid7(this.clock.now(), randomBytes(10)), trigger: 'arrival' };
    return reason === undefined
      ? LeadDistributed.make({ ...base, picks: [{ contractId: 'a', clientId: 'A', outboundLeadId: 'o', priceMinor: '100', currency: 'USD' }] }, about)
      : LeadNotDistributed.make({ ...base, reason }, about);
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown> & { leadId?: string; code?: string; errors?: Fault[] };
  readonly lines: readonly Record<string, unknown>[];
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const ndjson = response.headers.get('content-type')?.includes('ndjson') ?? false;
  return {
    status: response.status, headers: response.headers, body: !ndjson && text !== '' ? JSON.parse(text) : {},
    lines: ndjson ? text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, unknown>) : [],
  };
}

export function configurationPart(
  tenantId: string, version: number, part: number, parts: number, items: readonly Item[],
): Said {
  return ConfigurationChanged.make({ tenantId, version, part, parts, items: items.map((item) => ({ ...item, body: item.body as never })) },
    { id: uuid7(Date.now(), randomBytes(10)), time: Date.now() });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A campaign as the conformance documents write it. */
export const solar = (over: object = {}) => ({ kind: 'campaign', id: 'solar', body: {
  workflow: 'w', fields: {
    state: { type: 'string', required: true }, age: { type: 'integer', min: 18 }, zip: { type: 'postalCode' },
    email: { type: 'email', personal: true }, phone: { type: 'phone', personal: true }, name: { type: 'string', personal: true },
  }, ...over,
} });

let serial = 0;

/** A lead of a person nobody else is. */
export function aLead(fields: object = {}, over: object = {}): { fields: Record<string, unknown> } {
  const n = ++serial;
  return { fields: {
    state: 'NY', age: 40, zip: '10001', email: `person${n}@example.com`, phone: `+1202555${String(n % 10_000).padStart(4, '0')}`, name: `Person ${n}`, ...fields,
  }, ...over };
}
