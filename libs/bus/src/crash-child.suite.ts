/** A member of the group `crash` that a test can kill: run-ts.cjs crash-child.suite.ts DATABASE_URL CRASH_POINT|- [BROKERS PREFIX]. */
import 'reflect-metadata';
import { Database } from '@sluice/db';
import { OutboundLeadAccepted, OutboundLeadRejected } from '@sluice/events';
import { armCrashPoint } from '@sluice/runtime';
import { DatabaseHarness } from './database-harness.suite.js';
import { KafkaBus, PostgresBus, Relay } from './index.js';

const [, , , url, point, brokers, prefix] = process.argv;

async function run(): Promise<void> {
  const database = await Database.open({ url: url! });
  const kafka = brokers ? { brokers: brokers.split(','), prefix: prefix!, sessionTimeoutMs: 6_000 } : undefined;
  const bus = kafka ? await KafkaBus.open(database, kafka) : await PostgresBus.open(database);
  if (point !== '-') armCrashPoint(point);
  if (kafka) await Relay.start(database, kafka);
  const nothing = () => Promise.resolve();
  const { record } = new DatabaseHarness({ url: url!, drop: nothing }, database, () => Promise.resolve(bus), nothing);
  await bus.subscribe({
    group: 'crash', service: 'suite', topics: ['sluice.delivery'], types: [OutboundLeadAccepted.type], batchMax: 7,
    async handle(batch, tx) {
      await record(tx, 'crash', batch, batch.events);
      // Says something of each: what goes out must come and go with the state, as well.
      bus.append(tx, batch.events.map(({ id, tenantId, subject }) => OutboundLeadRejected.make(
        { tenantId, leadId: subject, outboundLeadId: `o-${id}`, contractId: 'c' } as never, { id: `out-${id}`, time: 1 },
      )));
    },
  });
}

run().catch((error: Error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
