import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { Booted, deliveryMigrations, reserved, until } from './booted.suite.js';
import { StartedByClaim1764200000003 } from './migrations/1764200000003-started-by-claim.js';
import { Receiver } from './receiver.suite.js';

let test: TestDatabase;
let receiver: Receiver;
let delivery: Booted | undefined;

beforeAll(async () => {
  test = await testDatabase({ migrations: deliveryMigrations });
  receiver = await Receiver.start();
});

afterAll(async () => {
  await delivery?.stop({ keep: true });
  await receiver.stop();
  await test.drop();
});

it('what the version before had queued and claimed is delivered after the migration, and what it had sent is known', async () => {
  let up = false;
  const first = await Booted.start({ database: test });
  const url = receiver.on('back', (response) => response.writeHead(up ? 422 : 503).end('{}'));
  await first.configure('t1', 1, { back: { url, retry: { delays: ['PT1H'], jitter: 0 } } });
  const leads = [reserved('t1', 'back'), reserved('t1', 'back')];
  await first.say('t1', leads);
  await until(async () => (await first.rows(`SELECT 1 FROM delivery.attempts`)).length === 2);
  const runner = { query: (text: string) => first.rows(text) } as never;
  await new StartedByClaim1764200000003().down(runner);
  const [waits, sent] = leads.map(({ outboundLeadId }) => outboundLeadId);
  // As the version before leaves them: one due, one whose process died after its claim.
  await first.rows('UPDATE delivery.queue SET due_at = now() WHERE outbound_lead_id = $1', [waits]);
  await first.rows(`UPDATE delivery.queue SET due_at = now() + interval '1 second', epoch = 2, claimed = true WHERE outbound_lead_id = $1`, [sent]);
  await first.rows(`INSERT INTO delivery.attempts (outbound_lead_id, n, tenant_id, started_at, outcome) VALUES ($1, 2, 't1', now(), 'started')`, [sent]);
  await new StartedByClaim1764200000003().up(runner);
  await first.stop({ keep: true });
  up = true;
  delivery = await Booted.start({ database: test });
  expect((await delivery.outcomes(waits!))[0]).toMatchObject(['OutboundLeadRejected', { attempts: 2 }]);
  expect((await delivery.outcomes(sent!))[0]).toMatchObject(['OutboundLeadUnresolved', { attempts: 3 }]);
  expect(((await delivery.get('t1', `/v1/deliveries/${sent}`)).body['attemptList'] as { n: number; outcome: string }[]).map(({ n, outcome }) => [n, outcome]))
    .toEqual([[1, 'retry'], [2, 'unanswered'], [3, 'rejected']]);
}, 60_000);
