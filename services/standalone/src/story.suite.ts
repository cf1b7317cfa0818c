import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import { mkdtempSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { busMigrations, type Batch } from '@sluice/bus';
import { definitions, topics, type Heard } from '@sluice/events';
import { createTenant } from '@sluice/gateway';
import { PinoLog } from '@sluice/runtime';
import { testDatabase, testKafka } from '@sluice/testing';
import { Api } from './api.js';
import { readSettings, roles } from './config.js';
import { startPlatform, type Platform } from './platform.js';
import { everyService } from './services.js';

/** What a client was sent. */
export interface Received {
  readonly client: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Tenant {
  readonly tenantId: string;
  readonly admin: Api;
  /** A source whose leads are of the campaign. */
  source(campaign: string): Promise<Api>;
}

/** A whole platform in this process, on a database of its own, with clients that answer as the story has it. */
export class Story {
  readonly received: Received[] = [];
  /** What a client answers: status and body; undefined = the connection breaks after the request was read. */
  answers: (request: Received, times: number) => { status: number; body: unknown } | undefined = () => ({ status: 200, body: { result: 'accepted' } });
  readonly heard: Heard[] = [];
  readonly logged: string[] = [];
  private readonly open: { close(): Promise<void> }[] = [];

  private constructor(
    readonly platform: Platform,
    readonly databaseUrl: string,
    readonly clients: string,
    private readonly parts: { close(): Promise<void> }[],
  ) {}

  static async start(options: { kafka?: boolean; environment?: Record<string, string>; log?: string[] } = {}): Promise<Story> {
    const migrations = [...busMigrations, ...everyService.flatMap((service) => [...service.migrations])];
    const database = await testDatabase({ migrations: migrations as never });
    const folder = mkdtempSync(path.join(os.tmpdir(), 'sluice-story-'));
    let story: Story | undefined;
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        const received = { client: request.url!.split('/').at(-1)!, headers: request.headers, body: Buffer.concat(chunks).toString() };
        const times = 1 + story!.received.filter((before) => before.headers['webhook-id'] === request.headers['webhook-id']).length;
        story!.received.push(received);
        const answer = story!.answers(received, times);
        if (!answer) return void request.socket.destroy();
        response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body));
      });
    });
    const port = await listen(server);
    const kafka = options.kafka ? await testKafka() : undefined;
    const environment = {
      SLUICE_DATA: folder, SLUICE_ALLOW_PRIVATE: `127.0.0.1:${port}`, SLUICE_MASTER_KEY_FILE: path.join(folder, 'master.key'),
      ...(kafka ? { KAFKA_BROKERS: kafka.brokers.join(','), SLUICE_KAFKA_PREFIX: kafka.prefix, SLUICE_KAFKA_SESSION_MS: '6000' } : {}),
      ...options.environment,
    };
    const log = new PinoLog('all', 'info', { write: (line: string) => { story?.logged.push(line); } });
    const platform = await startPlatform({
      settings: readSettings(environment), databaseUrl: database.url, environment, log, serviceSecret: randomBytes(32).toString('base64'),
      roles: roles.filter((role) => role !== 'relay' || kafka), port: await freePortOf(),
    });
    story = new Story(platform, database.url, `http://127.0.0.1:${port}`, [
      { close: () => platform.close() },
      { close: () => new Promise<void>((resolve) => { server.closeAllConnections(); server.close(() => resolve()); }) },
      { close: () => database.drop() },
    ]);
    await story.listenIn();
    return story;
  }

  /** A tenant of its own, with the set-up of the document in force. */
  async tenant(name: string, document: object): Promise<Tenant> {
    const { tenantId, adminKey } = await createTenant(this.platform.database, { name });
    const admin = this.keep(new Api(this.platform.url, adminKey));
    await admin.call('PUT', '/v1/configuration', { body: JSON.stringify(document), headers: { prefer: 'wait=30' } });
    const sources = new Map<string, Promise<Api>>();
    const make = async (campaign: string) => {
      const { key } = await admin.call<{ key: string }>('POST', '/v1/sources', { body: { name: `${campaign} form`, campaign } });
      return this.keep(new Api(this.platform.url, key));
    };
    return {
      tenantId, admin,
      source: (campaign) => {
        const found = sources.get(campaign) ?? make(campaign);
        sources.set(campaign, found);
        return found;
      },
    };
  }

  /** Names of the events about a lead, in the order in which each topic has them; waits until `last` is among them. */
  async eventsOf(leadId: string, last: string, timeoutMs = 20_000): Promise<string[]> {
    const names = () => this.heard.filter((event) => event.subject === leadId).map((event) => event.type.split('.').at(-1)!);
    await until(() => names().includes(last), timeoutMs, () => `${last} of ${leadId}; heard ${names().join(', ') || 'nothing'}`);
    return names();
  }

  async close(): Promise<void> {
    for (const part of [...this.open, ...this.parts]) await part.close();
  }

  private keep(api: Api): Api {
    this.open.push(api);
    return api;
  }

  private async listenIn(): Promise<void> {
    const subscription = await this.platform.bus.subscribe({
      group: 'story', service: 'gateway', topics: topics.map((topic) => topic.name), types: [...definitions.keys()],
      handle: async (batch: Batch) => { this.heard.push(...batch.events); },
    });
    this.open.unshift({ close: () => subscription.close() });
  }
}

/** Waits for a condition that other work brings about; says what was waited for where it does not come. */
export async function until(holds: () => boolean | Promise<boolean>, timeoutMs: number, what: () => string): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as { port: number }).port;
}

async function freePortOf(): Promise<number> {
  const server = createServer();
  const port = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
