import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Booted, reserved, until } from './booted.suite.js';
import { Receiver } from './receiver.suite.js';

const byBody = {
  accept: { status: [200], body: { path: '$.result', equals: 'accepted' }, reference: '$.id' },
  reject: { status: [200], body: { path: '$.result', equals: 'rejected' }, reason: '$.reason' },
};

describe('a reservation is delivered', () => {
  let delivery: Booted;
  let receiver: Receiver;
  const secrets = new Map<string, string>();

  beforeAll(async () => {
    receiver = await Receiver.start();
    delivery = await Booted.start();
    for (const tenant of ['t1', 't2']) {
      await delivery.configure(tenant, 1, {
        accepts: { url: receiver.url(`accepts/${tenant}`), ...byBody },
        rejects: { url: receiver.url('rejects'), ...byBody },
        refuses: { url: receiver.url('refuses') },
      });
    }
  });

  afterAll(async () => {
    await delivery.stop();
    await receiver.stop();
  });

  it('as one signed request with all fields, and is accepted by the client', async () => {
    const lead = reserved('t1', 'accepts');
    delivery.vault!.leads.set(lead.leadId, { email: 'ann@example.com' });
    await delivery.say('t1', [lead]);
    const [[name, data]] = await delivery.outcomes(lead.outboundLeadId) as [[string, Record<string, unknown>]];
    expect([name, data['clientReference'], data['attempts']]).toEqual(['OutboundLeadAccepted', 'ref-1', 1]);
    const [got] = receiver.at('accepts/t1');
    expect(JSON.parse(got!.body).data.fields).toMatchObject({ state: 'NY', email: 'ann@example.com' });
    void secrets;
  });

  it('and a no of the client ends it with the client\'s reason', async () => {
    const lead = reserved('t2', 'rejects');
    await delivery.say('t2', [lead]);
    const [[name, data]] = await delivery.outcomes(lead.outboundLeadId) as [[string, Record<string, unknown>]];
    expect([name, data['reason']]).toEqual(['OutboundLeadRejected', 'out_of_area']);
    await until(async () => (await delivery.rows('SELECT 1 FROM delivery.queue')).length === 0);
  });
});
