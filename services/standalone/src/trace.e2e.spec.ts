import { createServer, type Server } from 'node:http';
import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { busMigrations } from '@sluice/bus';
import { Database } from '@sluice/db';
import { ensureFirstTenant } from '@sluice/gateway';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { Api } from './api.js';
import { everyService } from './services.js';
import { stackRoles, untilReady } from './stack.js';
import { Supervisor } from './supervisor.js';
import { until } from './story.suite.js';

interface OtlpSpan { traceId: string; spanId: string; parentSpanId?: string; name: string; attributes: { key: string; value: object }[] }
interface OtlpResource {
  resource: { attributes: { key: string; value: { stringValue: string } }[] };
  scopeSpans: { spans: OtlpSpan[] }[];
}
interface Seen { service: string; span: OtlpSpan }

/** An OTLP receiver, as a collector would be one. */
class Collector {
  readonly seen: Seen[] = [];
  private server: Server | undefined;

  async listen(): Promise<string> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        const { resourceSpans = [] } = JSON.parse(Buffer.concat(chunks).toString()) as { resourceSpans?: OtlpResource[] };
        for (const { resource, scopeSpans } of resourceSpans) {
          const service = resource.attributes.find((attribute) => attribute.key === 'service.name')!.value.stringValue;
          for (const { spans } of scopeSpans) for (const span of spans) this.seen.push({ service, span });
        }
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  }

  async close(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }
}

const port = () => new Promise<number>((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port: free } = probe.address() as { port: number };
    probe.close(() => resolve(free));
  });
});

describe('the trace of a lead', () => {
  const collector = new Collector();
  const sent: Record<string, string | string[] | undefined>[] = [];
  let client: Server;
  let database: TestDatabase;
  let processes: Supervisor;
  let admin: Api;
  let source: Api;

  beforeAll(async () => {
    const otlp = await collector.listen();
    const migrations = [...busMigrations, ...everyService.flatMap((service) => [...service.migrations])];
    database = await testDatabase({ migrations: migrations as never });
    client = createServer((request, response) => {
      sent.push(request.headers);
      request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"result":"accepted"}'));
    });
    await new Promise<void>((resolve) => client.listen(0, '127.0.0.1', resolve));
    const clientPort = (client.address() as { port: number }).port;
    const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-trace-'));
    const services = stackRoles.filter((role) => role !== 'relay');
    const ports = Object.fromEntries(await Promise.all(services.map(async (role) => [role, await port()] as const)));
    const shared = {
      DATABASE_URL: database.url, KAFKA_BROKERS: '', REDIS_URL: '', OTEL_EXPORTER_OTLP_ENDPOINT: otlp, SLUICE_SERVICE_SECRET: 'x'.repeat(40), SLUICE_DATA: folder,
      SLUICE_MASTER_KEY_FILE: path.join(folder, 'master.key'), SLUICE_ALLOW_PRIVATE: `127.0.0.1:${clientPort}`, SLUICE_POOL: '6',
      ...Object.fromEntries(services.map((role) => [`SLUICE_${role.toUpperCase()}_URL`, `http://127.0.0.1:${ports[role]}`])),
    };
    const script = path.join(__dirname, '../bin/sluice.mjs');
    processes = new Supervisor(services.map((role) => ({
      name: role, command: process.execPath, args: [script, 'serve', '--role', role], environment: { ...shared, SLUICE_PORT: String(ports[role]) }, logFile: path.join(folder, `${role}.log`),
    })));
    processes.start();
    await untilReady(services.map((role) => `http://127.0.0.1:${ports[role]}`));
    const opened = await Database.open({ url: database.url, poolMax: 2 });
    const { adminKey } = await ensureFirstTenant(opened, { keyFile: path.join(folder, 'admin.key') });
    await opened.close();
    admin = new Api(`http://127.0.0.1:${ports['gateway']}`, adminKey);
    await admin.call('PUT', '/v1/configuration', {
      headers: { prefer: 'wait=60' },
      body: JSON.stringify({
        apiVersion: 'v1', clients: [{ id: 'a' }], contracts: [{ id: 'A', client: 'a', price: '10.00', deliveryMethod: 'hook' }],
        deliveryMethods: [{ id: 'hook', type: 'webhook', url: `http://127.0.0.1:${clientPort}/a`, accept: { status: [200] } }],
        campaigns: [{ id: 'solar', workflow: 'w', fields: { email: { type: 'email', personal: true } } }],
        workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 1, rules: [{ method: 'price' }] }],
      }),
    });
    const { key } = await admin.call<{ key: string }>('POST', '/v1/sources', { body: { name: 'form', campaign: 'solar' } });
    source = new Api(admin.url, key);
  }, 180_000);

  afterAll(async () => {
    await admin?.close();
    await source?.close();
    await processes?.stop();
    client?.closeAllConnections();
    client?.close();
    await collector.close();
    await database?.drop();
  }, 60_000);

  it('is of one platform: the gateway documents what every process offers', async () => {
    const paths = async () => Object.keys((await admin.call<{ paths: object }>('GET', '/docs/openapi.json')).paths);
    // One of each service.
    const wanted = ['/v1/leads', '/v1/configuration', '/v1/deliveries', '/v1/attempts/{id}', '/v1/funnel'];
    let seen: string[] = [];
    await until(async () => {
      seen = await paths();
      return wanted.every((path) => seen.includes(path));
    }, 30_000, () => `the paths of all services; saw ${seen.join(', ')}`);
    const { paths: all } = await admin.call<{ paths: Record<string, object> }>('GET', '/docs/openapi.json');
    expect(Object.keys(all['/v1/leads']!).sort()).toEqual(['get', 'post']);
  }, 60_000);

  it('runs from the HTTP request over every process to the answer of the client, and holds nothing personal', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const canary = 'zz-canary@mail.example';
    await source.call('POST', '/v1/leads', {
      body: { campaign: 'solar', fields: { email: canary } }, headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    });
    const services = () => new Set(collector.seen.filter(({ span }) => span.traceId === traceId).map(({ service }) => service));
    await until(() => ['sluice-gateway', 'sluice-intake', 'sluice-engine', 'sluice-delivery'].every((service) => services().has(service)), 60_000, () => `spans of all services; saw ${[...services()].join(', ')}`);
    await until(() => sent.length > 0, 20_000, () => 'the webhook');
    expect(String(sent[0]!['traceparent'])).toContain(traceId);
    const spans = collector.seen.map(({ span }) => span).filter((span) => span.traceId === traceId);
    const known = new Set(spans.map((span) => span.spanId).concat('00f067aa0ba902b7'));
    // One tree: the parent of every span is a span of the same trace, or the caller's.
    expect(spans.filter((span) => !known.has(span.parentSpanId ?? ''))).toEqual([]);
    expect(JSON.stringify(collector.seen)).not.toContain('canary');
    expect(JSON.stringify(collector.seen)).not.toContain('mail.example');
  }, 120_000);
});
