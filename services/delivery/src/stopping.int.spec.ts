import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Database } from '@sluice/db';
import { testDatabase, type TestDatabase } from '@sluice/testing';
import { Booted, deliveryMigrations, reserved, until } from './booted.suite.js';
import { Receiver } from './receiver.suite.js';

let test: TestDatabase;
let database: Database;
let receiver: Receiver;

beforeAll(async () => {
  test = await testDatabase({ migrations: deliveryMigrations });
  database = await Database.open({ url: test.url, poolMax: 2 });
  receiver = await Receiver.start();
});

afterAll(async () => {
  await receiver.stop();
  await database.close();
  await test.drop();
});

it('a process that ends hands on what it had claimed and not sent, and nobody takes that for an answer that was lost', async () => {
  let well = true;
  const url = receiver.on('turns', (response) => { if (well) response.writeHead(200).end(); });
  const delivery = await Booted.start({ database: test, config: { DELIVERY_ENDPOINT_CONCURRENCY: '8', DELIVERY_CONCURRENCY: '64' } });
  await delivery.configure('t1', 1, { turns: { url, timeout: 'PT2S' } });
  const many = async (count: number) => {
    const leads = Array.from({ length: count }, () => reserved('t1', 'turns'));
    await delivery.say('t1', leads);
    return leads;
  };
  // One that answers fast is claimed ahead.
  for (const { outboundLeadId } of await many(60)) await delivery.outcomes(outboundLeadId);
  well = false;
  await many(40);
  const claimed = () => delivery.rows('SELECT 1 FROM delivery.queue WHERE claimed');
  await until(async () => (await claimed()).length === 40 && receiver.at('turns').length === 68);
  await delivery.stop({ keep: true });
  expect(receiver.at('turns').length).toBe(68);
  const { rows } = await database.pool.query(`
    SELECT exposure, count(*)::int AS leads FROM delivery.deliveries JOIN delivery.queue USING (outbound_lead_id) WHERE NOT claimed GROUP BY 1 ORDER BY 1`);
  expect(rows).toEqual([{ exposure: 'lost', leads: 8 }, { exposure: 'none', leads: 32 }]);
}, 60_000);
