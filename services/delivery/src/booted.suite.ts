import 'reflect-metadata';
import http from 'node:http';
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { Writable } from 'node:stream';
import { Global, Module, StandardSchemaValidationPipe, type DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Test } from '@nestjs/testing';
import { Bus, busMigrations, BusTransport, PostgresBus, type Subscription } from '@sluice/bus';
import { Database, type Tx } from '@sluice/db';
import { ConfigurationChanged, definitions, OutboundLeadReleased, OutboundLeadReserved, type Said } from '@sluice/events';
import { uuid7 } from '@sluice/kernel';
import {
  AccessGuard, AccessRules, Authenticator, Clock, GuardedHttpSender, HttpSender, HttpServiceClient, Log, PinoLog, ProblemFilter,
    ServiceClient, SystemClock,
  type Principal,
} from '@sluice/runtime';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { deliveryConfig } from './config.js';
import { DeliveryModule, deliveryService } from './index.js';

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
  static with(parts: { database: Database; bus: Bus; clock: Clock; log: Log; sender: HttpSender; services: ServiceClient }): DynamicModule {
    const providers = [
      { provide: Database, useValue: parts.database }, { provide: Bus, useValue: parts.bus }, { provide: Clock, useValue: parts.clock },
      { provide: Log, useValue: parts.log }, { provide: HttpSender, useValue: parts.sender }, { provide: ServiceClient,
        useValue: parts.services },
    ];
    return { module: Infra, providers, exports: providers.map(({ provide }) => provide) };
  }
}

/** Stands in for intake's vault over real HTTP: knows the fields of each lead, and whose were erased. */
export class Vault {
  readonly leads = new Map<string, Record<string, unknown>>();
  readonly erased = new Set<string>();
  readonly asked: string[][] = [];
  down = false;

  private constructor(private readonly server: http.Server) {}

  static async start(): Promise<Vault> {
    const server = http.createServer();
    const vault = new Vault(server);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        if (vault.down) return response.writeHead(503).end();
        const { leadIds } = JSON.parse(Buffer.concat(chunks).toString()) as { leadIds: string[] };
        vault.asked.push(leadIds);
        const leads = leadIds.map((leadId) => (vault.erased.has(leadId) ? { leadId, erased: true } : { leadId,
          fields: vault.leads.get(leadId) ?? {} }));
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ leads }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return vault;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

export class Lines extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export interface BootOptions {
  readonly config?: Record<string, string>;
  readonly database?: TestDatabase;
  readonly allow?: readonly string[];
  readonly vaultUrl?: string;
}

export const deliveryMigrations = [...busMigrations, ...deliveryService.migrations];

interface Heard {
  readonly type: string;
  readonly tenantId: string;
  readonly traceparent: string | undefined;
  readonly data: Record<string, unknown>;
}

/** Delivery as it runs in a process of its own, on a database of its own. */
export class Booted {
  private readonly said: Heard[] = [];
  private listening: Subscription | undefined;

  private constructor(
    readonly app: NestFastifyApplication, readonly database: Database, readonly bus: Bus, readonly test: TestDatabase,
      readonly lines: Lines,
    readonly vault: Vault | undefined, private readonly sender: GuardedHttpSender, private readonly services: HttpServiceClient,
  ) {}

  static async start(options: BootOptions = {}): Promise<Booted> {
    const test = options.database ?? (await testDatabase({ migrations: deliveryMigrations }));
    const database = await Database.open({ url: test.url, poolMax: 12 });
    const lines = new Lines();
    const log = new PinoLog('delivery', 'info', lines);
    const clock = new SystemClock();
    const bus = await PostgresBus.open(database, { log });
    const vault = options.vaultUrl ? undefined : await Vault.start();
    const services = new HttpServiceClient(() => options.vaultUrl ?? vault!.url, SECRET, clock);
    const sender = new GuardedHttpSender({ allow: options.allow ?? ['127.0.0.0/8'] });
    const access = new AccessRules(SECRET);
    access.authenticators.push(new Admins());
    const module = await Test.createTestingModule({
      imports: [
        Infra.with({ database, bus, clock, log, sender, services }),
        DeliveryModule.with(deliveryConfig.parse({ SLUICE_MASTER_KEY: MASTER_KEY, DELIVERY_POLL_MS: '50', ...options.config })),
      ],
      providers: [{ provide: AccessRules, useValue: access }, { provide: APP_GUARD, useClass: AccessGuard }],
    }).compile();
    const app = module.createNestApplication<NestFastifyApplication>(new FastifyAdapter(), { logger: false });
    app.useGlobalFilters(new ProblemFilter(log));
    app.useGlobalPipes(new StandardSchemaValidationPipe());
    app.connectMicroservice({ strategy: new BusTransport(bus) });
    await app.startAllMicroservices();
    await app.listen(0, '127.0.0.1');
    return new Booted(app, database, bus, test, lines, vault, sender, services);
  }

  async stop(options: { keep?: boolean } = {}): Promise<void> {
    await this.listening?.close();
    await this.app.close();
    await this.bus.close();
    await this.sender.close();
    await this.services.close();
    await this.vault?.stop();
    await this.database.close();
    if (!options.keep) await this.test.drop();
  }

  /** Says what another service would say. */
  async say(tenantId: string, events: readonly Said[]): Promise<void> {
    await this.inDatabase(tenantId, async (tx) => this.bus.append(tx, events));
  }

  inDatabase<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'delivery', tenants: [tenantId] }, work);
  }

  /** Rows as the owner of the database sees them, whatever the tenant. */
  async rows<T = Record<string, unknown>>(text: string, values: readonly unknown[] = []): Promise<T[]> {
    return (await this.database.pool.query(text, [...values])).rows as T[];
  }

  /** Applies delivery methods as one configuration version, and waits until it is taken. */
  async configure(tenantId: string, version: number, methods: Record<string, object | null>): Promise<void> {
    await this.say(tenantId, [configurationPart(tenantId, version, 1, 1, methods)]);
    await until(async () => (await this.rows(`SELECT 1 FROM delivery.configurations WHERE tenant_id = $1 AND version >= $2`, [tenantId, version])).length > 0);
  }

  /** What delivery said about an outbound lead, in order. */
  async outcomes(outboundLeadId: string, count = 1, timeoutMs = 15_000): Promise<[string, Record<string, unknown>][]> {
    const found = () => this.said.filter((event) => event.data['outboundLeadId'] === outboundLeadId);
    await this.listen();
    await until(async () => found().length >= count, timeoutMs);
    return found().map((event) => [nameOf(event), event.data]);
  }

  async heard(type: { type: string }, count = 1, timeoutMs = 15_000): Promise<Heard[]> {
    await this.listen();
    const found = () => this.said.filter((event) => event.type === type.type);
    await until(async () => found().length >= count, timeoutMs);
    return found();
  }

  async listen(): Promise<void> {
    this.listening ??= await this.bus.subscribe({
      group: 'listener', service: 'delivery', topics: ['sluice.delivery'],
      types: [...definitions.keys()].filter((type) => type.startsWith('sluice.delivery.')),
      handle: async (batch) => {
        for (const { type, tenantId, traceparent, data } of batch.events) this.said.push({ type, tenantId, traceparent,
          data: data as Record<string, unknown> });
      },
    });
  }

  get url(): string {
    const { port } = this.app.getHttpServer().address() as { port: number };
    return `http://127.0.0.1:${port}`;
  }

  async get(tenantId: string, path: string) {
    return answerOf(await fetch(`${this.url}${path}`, { headers: { authorization: `Bearer admin-${tenantId}` } }));
  }

  async post(tenantId: string, path: string, body: object = {}) {
    return answerOf(await fetch(`${this.url}${path}`, {
      method: 'POST', body: JSON.stringify(body), headers: { authorization: `Bearer admin-${tenantId}`, 'content-type': 'application/json' },
    }));
  }
}

async function answerOf(response: Response): Promise<{ status: number; body: Record<string, unknown> }> {
  const text = await response.text();
  return { status: response.status, body: text === '' ? {} : JSON.parse(text) as Record<string, unknown> };
}

function nameOf(event: Heard): string {
  return event.type.slice(event.type.lastIndexOf('.') + 1);
}

const about = () => ({ id: uuid7(Date.now(), randomBytes(10)), time: Date.now() });

export function configurationPart(tenantId: string, version: number, part: number, parts: number, methods: Record<string,
  object | null>): Said {
  const items = Object.entries(methods).map(([id, body]) => (
    { kind: 'deliveryMethod', id, removed: body === null, body: (body === null ? {} : { id, type: 'webhook', ...body }) as never }));
  return ConfigurationChanged.make({ tenantId, version, part, parts, items }, about());
}

export const newId = () => uuid7(Date.now(), randomBytes(10));

/** A reservation; its ids are new unless given. */
export function reserved(tenantId: string, deliveryMethodId: string, over: Partial<OutboundLeadReserved> = {},
  traceparent?: string): Said & { outboundLeadId: string; leadId: string } {
  const data = {
    tenantId, outboundLeadId: newId(), leadId: newId(), attemptId: newId(), campaignId: 'solar', contractId: 'c1', clientId: 'acme',
    deliveryMethodId, priceMinor: '2500', currency: 'USD', reservedAt: new Date().toISOString(), receivedAt: new Date().toISOString(),
    configurationVersion: 1, attributes: { state: 'NY', 'zip.state': 'NY' } as never, ...over,
  };
  return { ...OutboundLeadReserved.make(data, { ...about(), traceparent }), outboundLeadId: data.outboundLeadId, leadId: data.leadId };
}

export function released(tenantId: string, of: { outboundLeadId: string; leadId: string }, reason: string): Said {
  return OutboundLeadReleased.make({ tenantId, outboundLeadId: of.outboundLeadId, leadId: of.leadId, contractId: 'c1', reason }, about());
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

export async function until(holds: () => Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error('it did not come to hold in time');
    await pause(15);
  }
}
