/** A log, members of the engine and a receiver on a real Postgres, for the engine's specs. */
import { busMigrations, PostgresBus, type Subscription } from '@sluice/bus';
import { Database } from '@sluice/db';
import { OutboundLeadReserved, type Heard, type Said } from '@sluice/events';
import { fnv1a } from '@sluice/kernel';
import { Log, SystemClock, type Clock } from '@sluice/runtime';
import { testDatabase } from '@sluice/testing';
import { aResult } from './builders.suite.js';
import { engineConfig } from './config.js';
import { EngineConsumer } from './engine.consumer.js';
import { Engine, EngineSettings } from './engine.service.js';
import { engineMigrations } from './migrations/index.js';

class Quiet extends Log {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: object }[] = [];
  override info(): void { /* not of interest */ }
  override warn(fields: object, message: string): void { this.lines.push({ level: 'warn', message, fields }); }
  override error(fields: object, message: string): void { this.lines.push({ level: 'error', message, fields }); }
}

export interface Member {
  readonly database: Database;
  readonly bus: PostgresBus;
  readonly engine: Engine;
  readonly consumer: EngineConsumer;
  readonly log: Quiet;
  /** Starts to take partitions. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** One process's worth of engine. */
export async function openMember(url: string, options: { clock?: Clock; batchMax?: number } = {}): Promise<Member> {
  const database = await Database.open({ url, poolMax: 12, applicationName: 'engine-under-test' });
  const log = new Quiet();
  const bus = await PostgresBus.open(database, { log, pollMs: 200, leaseMs: 3_000 });
  const settings = new EngineSettings(engineConfig.parse({ ENGINE_BATCH_MAX: options.batchMax ?? 50,
    ENGINE_SEED_SECRET: 'a secret of the tests' }));
  const engine = new Engine(settings, database, bus, options.clock ?? new SystemClock(), log);
  const consumer = new EngineConsumer(engine);
  return {
    database, bus, engine, consumer, log,
    start: () => consumer.onApplicationBootstrap(),
    async close() {
      await consumer.beforeApplicationShutdown();
      await bus.close();
      await database.close();
    },
  };
}

/** What a client answers to an outbound lead; undefined = nothing ever. */
export type Answer = (reserved: OutboundLeadReserved) => 'accepted' | 'rejected' | 'failed' | 'unresolved' | undefined;

export interface Rig {
  readonly url: string;
  readonly database: Database;
  readonly bus: PostgresBus;
  /** Appends events to the log, in one transaction. */
  say(said: readonly Said[]): Promise<void>;
  /** Answers every outbound lead from now on, and those before as well. */
  receive(answer: Answer): Promise<Subscription>;
  /** Until the groups have handled all that is in the log, and said nothing more in the meantime. */
  settled(...groups: string[]): Promise<void>;
  /** All that the engine said, in order of partition and sequence. */
  said(): Promise<Heard[]>;
  rows<R extends object>(text: string, values?: readonly unknown[]): Promise<R[]>;
  close(): Promise<void>;
}

export async function openRig(): Promise<Rig> {
  const server = await testDatabase({ migrations: [...busMigrations, ...engineMigrations] });
  const database = await Database.open({ url: server.url, poolMax: 12, applicationName: 'rig' });
  const bus = await PostgresBus.open(database, { pollMs: 200 });
  const rig: Rig = {
    url: server.url, database, bus,
    say: (said) => database.transaction({ service: 'log', tenants: [] }, async (tx) => bus.append(tx, said)),
    receive: (answer) => bus.subscribe({
      group: 'delivery', service: 'log', topics: [OutboundLeadReserved.topic.name], types: [OutboundLeadReserved.type],
      async handle(batch, tx) {
        const results = (batch.events as Heard<OutboundLeadReserved>[]).flatMap(({ data }) => {
          const outcome = answer(data);
          return outcome ? [aResult(outcome, data)] : [];
        });
        bus.append(tx, results);
      },
    }),
    async settled(...groups) {
      for (let quiet = 0; quiet < 2;) {
        const lags = (await Promise.all(groups.map((group) => bus.lag(group)))).flat();
        quiet = lags.length > 0 && lags.every(({ position, head }) => position >= head) ? quiet + 1 : 0;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    },
    async said() {
      const heads = await rig.rows<{ partition: number; head: number }>(
        `SELECT partition, head::float8 AS head FROM log.head WHERE topic = 'sluice.distribution' AND head > 0 ORDER BY partition`);
      const all = await Promise.all(heads.map(({ partition, head }) => bus.replay(
        { group: 'rig', topic: 'sluice.distribution', partition, first: 1, last: head, parked: [] }, SAID_TYPES)));
      return all.flat();
    },
    async rows<R extends object>(text: string, values: readonly unknown[] = []) {
      return (await database.pool.query<R>(text, [...values])).rows;
    },
    async close() {
      await bus.close();
      await database.close();
      await server.drop();
    },
  };
  return rig;
}

const SAID_TYPES = ['LeadDistributed', 'LeadNotDistributed', 'OutboundLeadReserved', 'OutboundLeadReleased', 'LimitReached',
  'LeadFulfilled', 'EngineConfigured', 'ScriptFailed']
  .map((name) => `sluice.distribution.v1.${name}`);

/** Chance by a text: the same in every run, whatever order things happen in. */
export function oneIn(count: number, text: string): boolean {
  return fnv1a(text) % count === 0;
}
