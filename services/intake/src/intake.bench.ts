import 'reflect-metadata';
import { Global, Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Bus, busMigrations, PostgresBus } from '@sluice/bus';
import { Database } from '@sluice/db';
import { ConfigurationChanged, definitions } from '@sluice/events';
import { seededRandom } from '@sluice/kernel';
import { Clock, Log, PinoLog, SystemClock } from '@sluice/runtime';
import { Ajv } from 'ajv';
import ajvFormats from 'ajv-formats';
import fastify from 'fastify';
import pg from 'pg';
import { ConfigurationService } from './configuration.service.js';
import { IntakeConfig } from './config.js';
import { IntakeModule, intakeService } from './index.js';
import { postLoad, postStream } from './load.bench.js';
import { SourcesService } from './sources.service.js';

export interface IntakeBenchOptions {
  /** An empty database on the server that is measured; its user may make roles. */
  readonly url: string;
  /** Seconds of each of the single-lead runs; they alternate, and the best of each side counts. */
  readonly seconds?: number;
  readonly rounds?: number;
  /** Leads of the stream. */
  readonly leads?: number;
  readonly connections?: number;
}

export interface BenchRow {
  readonly what: string;
  readonly measured: number;
  readonly unit: string;
  readonly against?: string;
  readonly ratio?: number;
  readonly goal: string;
  readonly met: boolean;
}

const FIELDS = {
  firstName: { type: 'string', required: true, personal: true, maxLength: 60 }, lastName: { type: 'string', required: true, personal: true, maxLength: 60 },
  email: { type: 'email', required: true, personal: true }, phone: { type: 'phone', required: true, personal: true },
  street: { type: 'string', personal: true, maxLength: 120 }, city: { type: 'string', maxLength: 60 },
  state: { type: 'enum', required: true, values: ['NY', 'NJ', 'CA', 'TX', 'FL'] }, zip: { type: 'postalCode', required: true },
  birthDate: { type: 'date', personal: true }, homeOwner: { type: 'boolean' }, monthlyBill: { type: 'integer', min: 0, max: 5000 },
  roofAge: { type: 'integer', min: 0, max: 200 }, roofType: { type: 'enum', values: ['shingle', 'tile', 'metal', 'flat'] },
  shading: { type: 'string', maxLength: 20 }, provider: { type: 'string', maxLength: 60 }, comment: { type: 'string', maxLength: 500 },
};

/** Measures intake against the two limits of the same run: a bare Fastify that parses and validates, and a COPY of as many bytes. */
export async function benchIntake(options: IntakeBenchOptions): Promise<BenchRow[]> {
  const { url, leads = 40_000 } = options;
  const migrations = [...busMigrations, ...intakeService.migrations] as never;
  const database = await Database.open({ url, poolMax: 10, migrations, entities: intakeService.entities });
  await database.migrate();
  const bus = await PostgresBus.open(database, {});
  const app = await start(database, bus);
  try {
    const { key } = await app.get(SourcesService).create('bench', { id: 'bench', name: 'bench', campaign: 'solar' });
    await configure(database, bus, app);
    return [await single(app, key, options), await stream(app, key, database, url, leads)];
  } finally {
    await app.close();
    await bus.close();
    await database.close();
  }
}

async function single(app: NestFastifyApplication, key: string, options: IntakeBenchOptions): Promise<BenchRow> {
  const { seconds = 3, rounds = 3, connections = 64 } = options;
  const bare = await bareFastify();
  const bodies = leadBodies(seconds * (rounds + 1) * 30_000, 'single');
  const intakePort = (app.getHttpServer().address() as { port: number }).port;
  const barePort = (bare.server.address() as { port: number }).port;
  let from = 0;
  let [ours, theirs, refused] = [0, 0, 0];
  // The first round warms both up.
  for (let round = 0; round <= rounds; round++) {
    const load = { path: '/v1/leads', key, connections, seconds: round === 0 ? 1 : seconds };
    const limit = await postLoad({ ...load, port: barePort, bodies, from: 0 });
    const run = await postLoad({ ...load, port: intakePort, bodies, from });
    from = run.next;
    refused += run.refused;
    if (round > 0) [ours, theirs] = [Math.max(ours, run.rate), Math.max(theirs, limit.rate)];
  }
  await bare.close();
  if (refused > 0) throw new Error(`${refused} leads of the bench were refused`);
  const ratio = ours / theirs;
  return { what: `intake, one lead a request, ${connections} connections`, measured: Math.round(ours), unit: 'leads/s',
    against: `bare Fastify with ajv, same body: ${Math.round(theirs)}/s`, ratio: round2(ratio), goal: '≥ 0.60', met: ratio >= 0.6 };
}

async function stream(app: NestFastifyApplication, key: string, database: Database, url: string, leads: number): Promise<BenchRow> {
  const { port } = app.getHttpServer().address() as { port: number };
  const bodies = leadBodies(leads + 2_000, 'stream');
  await ingest(port, key, bodies.slice(leads));
  const before = await written(database);
  const { accepted, seconds } = await ingest(port, key, bodies.slice(0, leads));
  const rate = leads / seconds;
  if (accepted !== leads) throw new Error(`${leads - accepted} lines of the bench were refused`);
  const bytes = Math.round(((await written(database)) - before) / leads);
  const raw = await rawCopy(url, leads, bytes);
  return { what: `intake, NDJSON stream of ${leads} leads`, measured: Math.round(rate), unit: 'leads/s',
    against: `one COPY of rows of ${bytes} bytes: ${Math.round(raw)}/s`, ratio: round2(rate / raw), goal: '≥ 0.40', met: rate / raw >= 0.4 };
}

function ingest(port: number, key: string, bodies: readonly string[]): Promise<{ accepted: number; seconds: number }> {
  return postStream({ port, path: '/v1/leads:batch', bodies, headers: {
    authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson', 'idempotency-key': `bench-${bodies.length}` } });
}

/** What the single route is measured against: the same body parsed and validated, and nothing else. */
async function bareFastify() {
  const ajv = new Ajv({ allErrors: true });
  ajvFormats.default(ajv);
  const fields = Object.fromEntries(Object.entries(FIELDS).map(([name, field]) => [name, schemaOf(field)]));
  const required = Object.entries(FIELDS).filter(([, field]) => 'required' in field).map(([name]) => name);
  const validate = ajv.compile({ type: 'object', required: ['fields'], additionalProperties: false, properties: {
    fields: { type: 'object', additionalProperties: false, required, properties: fields } } });
  const server = fastify();
  server.post('/v1/leads', (incoming, reply) => {
    if (!validate(incoming.body)) return reply.code(422).send({ errors: validate.errors });
    return reply.code(202).send({ leadId: '01a20cb9-5f0c-74b2-9eb9-c5f5b20fb143', status: 'received' });
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
  return server;
}

function schemaOf(field: { type: string; values?: string[]; min?: number; max?: number; maxLength?: number }): object {
  switch (field.type) {
    case 'integer': return { type: 'integer', minimum: field.min, maximum: field.max };
    case 'boolean': return { type: 'boolean' };
    case 'enum': return { enum: field.values };
    case 'email': return { type: 'string', format: 'email' };
    case 'date': return { type: 'string', format: 'date' };
    case 'phone': return { type: 'string', pattern: '^\\+1[2-9]\\d{9}$' };
    case 'postalCode': return { type: 'string', pattern: '^\\d{5}$' };
    default: return { type: 'string', maxLength: field.maxLength };
  }
}

/** Bytes of what intake wrote, its part of the log among them. */
async function written(database: Database): Promise<number> {
  const tables = ['intake.leads', 'intake.vault', 'intake.fingerprints', 'intake.idempotency', 'log.run'];
  const { rows } = await database.pool.query<{ bytes: string }>(
    `SELECT ${tables.map((table) => `(SELECT coalesce(sum(pg_column_size(t.*)), 0) FROM ${table} t)`).join(' + ')} AS bytes`);
  return Number(rows[0]?.bytes ?? 0);
}

/** The limit: as many rows of as many bytes in one COPY into a table with a key. */
async function rawCopy(url: string, rows: number, bytes: number): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query('DROP TABLE IF EXISTS bench_raw; CREATE TABLE bench_raw (id uuid PRIMARY KEY, body text NOT NULL)');
    const body = 'x'.repeat(Math.max(1, bytes - 40));
    const lines = Array.from({ length: rows }, (_, place) => `00000000-0000-7000-8000-${place.toString(16).padStart(12, '0')}\t${body}\n`);
    const started = performance.now();
    await copyIn(client, 'COPY bench_raw FROM STDIN', lines);
    const seconds = (performance.now() - started) / 1000;
    await client.query('DROP TABLE bench_raw');
    return rows / seconds;
  } finally {
    await client.end();
  }
}

interface CopyConnection {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
}

function copyIn(client: pg.Client, text: string, lines: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const query = new pg.Query(text, undefined as never, (error: Error | undefined) => { if (error) reject(error); else resolve(); });
    Object.assign(query, {
      handleCopyInResponse: (connection: CopyConnection) => {
        for (let from = 0; from < lines.length; from += 500) connection.sendCopyFromChunk(Buffer.from(lines.slice(from, from + 500).join('')));
        connection.endCopyFrom();
      },
    });
    client.query(query);
  });
}

/** Leads of persons whom no other seed has: numbers of an area code of its own. */
function leadBodies(count: number, seed: 'single' | 'stream'): string[] {
  const area = seed === 'single' ? 212 : 213;
  const random = seededRandom(`intake bench ${seed}`);
  const states = FIELDS.state.values;
  return Array.from({ length: count }, (_, n) => JSON.stringify({ fields: {
    firstName: random.pick(['Ann', 'Bob', 'Carla', 'Dmitri', 'Eve']), lastName: `Person${n}`, email: `person.${n}.${seed}@example.com`,
    phone: `+1${area}${200 + Math.floor(n / 10_000) % 800}${String(n % 10_000).padStart(4, '0')}`, street: `${n % 9999} Main Street`, city: 'Springfield',
    state: random.pick(states), zip: String(10_001 + random.int(0, 80_000)).padStart(5, '0'), birthDate: `19${random.int(40, 99)}-0${random.int(1, 9)}-1${random.int(0, 9)}`,
    homeOwner: random.chance(0.7), monthlyBill: random.int(30, 900), roofAge: random.int(0, 60),
    roofType: random.pick(FIELDS.roofType.values),
    shading: 'light', provider: 'Consolidated Power', comment: 'Please call after six in the evening, the gate is on the left side of the house.',
  } }));
}

async function configure(database: Database, bus: Bus, app: NestFastifyApplication): Promise<void> {
  const body = { workflow: 'w', fields: FIELDS, duplicates: { payloadWithin: 'PT60S', personWithin: 'P30D', then: 'flag' } };
  const part = { tenantId: 'bench', version: 1, part: 1, parts: 1, items: [{ kind: 'campaign', id: 'solar', body }] };
  const said = ConfigurationChanged.make(part, { id: '00000000-0000-7000-8000-000000000000', time: Date.now() });
  await database.transaction({ service: 'intake', tenants: ['bench'] }, (tx) => app.get(ConfigurationService).take(
    [{ seq: 1, id: said.id, type: said.type, subject: said.subject, tenantId: 'bench', time: said.time, traceparent: undefined, data: definitions.get(said.type)!.parse(said.value) as never }], tx));
}

@Global()
@Module({})
class BenchInfra {
  static with(database: Database, bus: Bus): DynamicModule {
    const providers = [
      { provide: Database, useValue: database }, { provide: Bus, useValue: bus },
      { provide: Clock, useValue: new SystemClock() }, { provide: Log, useValue: new PinoLog('bench', 'error') },
    ];
    return { module: BenchInfra, global: true, providers, exports: providers.map(({ provide }) => provide),
      imports: [IntakeModule.with(IntakeConfig.parse({ SLUICE_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') }))] };
  }
}

async function start(database: Database, bus: Bus): Promise<NestFastifyApplication> {
  const app = await NestFactory.create<NestFastifyApplication>(BenchInfra.with(database, bus), new FastifyAdapter(), { logger: false });
  await app.listen(0, '127.0.0.1');
  return app;
}

const round2 = (value: number) => Math.round(value * 100) / 100;
