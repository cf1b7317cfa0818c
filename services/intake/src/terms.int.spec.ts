import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IntakeConfigured } from '@sluice/events';
import { VirtualClock } from '@sluice/runtime';
import { randomUUID } from 'node:crypto';
import { aLead, Booted, configurationPart, pause, solar } from './booted.suite.js';
import { CommitFresh } from './commit-fresh.service.js';
import { PAYLOAD } from './duplicates.js';
import { IntakeStore } from './intake.store.js';
import { RetentionJob } from './retention.job.js';

const SECOND = 1_000;
const DAY = 86_400_000;

describe('the terms of intake', () => {
  const clock = new VirtualClock(Date.UTC(2026, 10, 24));
  let intake: Booted;

  beforeAll(async () => {
    intake = await Booted.start({ clock });
    await intake.listen();
  });

  afterAll(() => intake.stop());

  const pass = (ms: number) => clock.moveTo(clock.now() + ms);

  async function with_(tenantId: string, duplicates: object | undefined): Promise<string> {
    await intake.configure(tenantId, 1, [solar(duplicates && { duplicates })]);
    return intake.source(tenantId);
  }

  it('turn a payload away that comes again within a minute, and flag a person who does', async () => {
    const key = await with_('default', undefined);
    const lead = aLead();
    const first = await intake.post(key, lead);
    const again = await intake.post(key, lead);
    expect([again.status, again.body]).toEqual([409, expect.objectContaining({ code: 'duplicate_lead', duplicateOf: first.body.leadId })]);
    const person = await intake.post(key, aLead({ email: ` ${String(lead.fields['email']).toUpperCase()} ` }));
    expect([person.status, person.body]).toEqual([202, expect.objectContaining({ duplicateOf: first.body.leadId })]);
    const [said] = await intake.heardOf(person.body.leadId!);
    expect(said?.data).toMatchObject({ duplicate: true, duplicateOf: first.body.leadId });
    pass(60 * SECOND);
    expect((await intake.post(key, lead)).status).toBe(202);
  });

  it('take one of two equal leads that come at once', async () => {
    const key = await with_('race', undefined);
    const lead = aLead();
    const answers = await Promise.all(Array.from({ length: 20 }, () => intake.post(key, lead)));
    expect(answers.map(({ status }) => status).sort()).toEqual([202, ...Array<number>(19).fill(409)]);
  });

  it('take one of two equal leads, and one of a key, that reach two replicas at once', async () => {
    const key = await with_('replicas', undefined);
    const second = await Booted.start({ clock, database: { url: intake.test.url, drop: () => Promise.resolve() } });
    try {
      for (let round = 0; round < 20; round++) {
        const [lead, keyed] = [aLead(), aLead()];
        const answers = await Promise.all([intake, second, intake, second].map((replica) => replica.post(key, lead)));
        expect(answers.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409]);
        const once = await Promise.all([intake, second].map((replica) => replica.post(key, keyed, { 'idempotency-key': `round-${round}` })));
        expect(once.map(({ status }) => status)).toEqual([202, 202]);
        expect(once[0]!.body.leadId).toBe(once[1]!.body.leadId);
      }
      expect(await intake.rows(`SELECT 1 FROM intake.leads WHERE tenant_id = 'replicas'`)).toHaveLength(40);
    } finally {
      await second.stop({ keep: true });
    }
  });

  it('are locked in one order on both ways, so that replicas wait for each other and none fails for it', async () => {
    const store = new IntakeStore();
    const [leadId, seenAt] = [randomUUID(), clock.now()];
    const claim = { kind: PAYLOAD, tenantId: 'order', fingerprint: randomUUID().replaceAll('-', '') };
    const key = { tenantId: 'order', sourceId: 's', key: 'k', fingerprint: '00', leadId };
    const lead = {
      leadId: randomUUID(), tenantId: 'order', sourceId: 's', campaignId: 'c', receivedAt: seenAt, version: 1, payloadHash: '00', phoneHash: undefined,
      emailHash: undefined, duplicateOf: undefined, attributes: '{}', sealed: undefined,
    };
    const policy = { payload: 'reject', payloadWithinMs: SECOND, person: 'flag', personWithinMs: DAY } as const;
    const short = await intake.inDatabase('order', async (careful) => {
      await store.claimKeys(careful, [key], seenAt);
      const fails = intake.inDatabase('order', (tx) => store.addFresh(tx, ['order'], [{ lead, key: 'k', claims: [claim], policy }])).catch((error: unknown) => error);
      await pause(200);
      await store.claimFingerprints(careful, [{ claim, holder: { leadId, seenAt, until: seenAt + SECOND } }]);
      return { fails };
    });
    // Not a deadlock.
    expect(await short.fails).toMatchObject({ code: '23505' });
  });

  it('give a lead the same fate on the short way as on the careful one', async () => {
    const key = await with_('ways', undefined);
    // A group that is not fresh makes the next thirty go the careful way.
    const known = aLead();
    await intake.post(key, known);
    await intake.post(key, known);
    const careful = intake.app.get(CommitFresh);
    const fates: unknown[] = [];
    for (let turn = 0; turn < 40; turn++) {
      const lead = aLead();
      const taken = await intake.post(key, lead, { 'idempotency-key': `ways-${turn}` });
      const rows = await intake.rows(`SELECT l.configuration_version, l.duplicate_of, v.key_id IS NOT NULL AS sealed,
        (SELECT count(*)::int FROM intake.fingerprints f WHERE f.lead_id = l.lead_id) AS claims,
        (SELECT count(*)::int FROM intake.idempotency i WHERE i.lead_id = l.lead_id) AS keys
        FROM intake.leads l JOIN intake.vault v USING (lead_id) WHERE lead_id = $1`, [taken.body.leadId]);
      fates.push(JSON.stringify(rows));
    }
    expect(careful.hopes).toBe(true);
    const fate = { configuration_version: 1, duplicate_of: null, sealed: true, claims: 3, keys: 1 };
    expect([...new Set(fates)]).toEqual([JSON.stringify([fate])]);
  });

  it('reject a person by phone or by e-mail, for as long as the campaign says', async () => {
    const key = await with_('strict', { personWithin: 'P2D', then: 'reject' });
    const lead = aLead();
    await intake.post(key, lead);
    const samePhone = aLead({ phone: lead.fields['phone'] });
    expect((await intake.post(key, samePhone)).status).toBe(409);
    // Who was turned away holds nothing: the e-mail of that lead is still free.
    expect((await intake.post(key, aLead({ email: samePhone.fields['email'] }))).status).toBe(202);
    pass(2 * DAY);
    expect((await intake.post(key, samePhone)).status).toBe(202);
  });

  it('accept everything where the campaign says so, and let tenants be strangers', async () => {
    const [key, other] = [await with_('easy', { then: 'accept' }), await with_('stranger', { then: 'reject' })];
    const lead = aLead();
    const answers = [await intake.post(key, lead), await intake.post(key, lead), await intake.post(other, lead)];
    expect(answers.map(({ status, body }) => [status, body['duplicateOf']])).toEqual([[202, undefined], [202, undefined], [202, undefined]]);
    const hashes = await intake.rows<{ phone_hash: Buffer }>(`SELECT DISTINCT phone_hash FROM intake.leads WHERE tenant_id IN ('easy', 'stranger')`);
    expect(hashes).toHaveLength(2);
  });

  it('answer a duplicate under a key with the same refusal again', async () => {
    const key = await with_('keyed', undefined);
    const lead = aLead();
    const first = await intake.post(key, lead);
    const refused = [await intake.post(key, lead, { 'idempotency-key': 'd' }), await intake.post(key, lead, { 'idempotency-key': 'd' })];
    expect(refused.map(({ status, body }) => [status, body['duplicateOf']])).toEqual([[409, first.body.leadId], [409, first.body.leadId]]);
    expect(refused[1]!.headers.get('idempotency-replayed')).toBe('true');
    expect(refused[1]!.body['rejectionId']).toBe(refused[0]!.body['rejectionId']);
  });

  it('change by whole versions alone, each reported once', async () => {
    await intake.configure('parts', 1, [solar()]);
    const key = await intake.source('parts');
    const strict = { ...solar(), body: { fields: { shoe: { type: 'integer', required: true } } } };
    await intake.say('parts', [configurationPart('parts', 2, 2, 3, [strict])]);
    await intake.say('parts', [configurationPart('parts', 2, 1, 3, [{ kind: 'client', id: 'acme', body: {} }])]);
    await pause(100);
    expect((await intake.post(key, aLead())).status).toBe(202);
    await intake.say('parts', [configurationPart('parts', 2, 3, 3, [])]);
    await intake.taken('parts', 2);
    expect((await intake.post(key, aLead())).status).toBe(422);
    await intake.say('parts', [configurationPart('parts', 3, 1, 1, [{ kind: 'campaign', id: 'solar', removed: true }])]);
    await intake.taken('parts', 3);
    expect((await intake.post(key, aLead())).body.code).toBe('unknown_campaign');
    const said = (await intake.heard(0, IntakeConfigured)).filter(({ tenantId }) => tenantId === 'parts');
    expect(said.map(({ data }) => data['version'])).toEqual([1, 2, 3]);
    expect(await intake.rows(`SELECT 1 FROM intake.configuration_parts WHERE tenant_id = 'parts'`)).toEqual([]);
  });

  it('of a campaign that cannot be compiled close that campaign alone', async () => {
    await intake.configure('broken', 1, [solar(), { kind: 'campaign', id: 'bad', body: { fields: { a: { type: 'string', pattern: '(' } } } }]);
    const key = await intake.source('broken');
    expect((await intake.post(key, aLead())).status).toBe(202);
    expect((await intake.post(key, aLead({}, { campaign: 'bad' }))).body.code).toBe('unknown_campaign');
    expect(intake.lines.text).toContain('a campaign cannot be compiled');
  });

  it('keep idempotency keys for seven days, and fingerprints for their span', async () => {
    const key = await with_('old', { personWithin: 'P30D' });
    const lead = aLead();
    await intake.post(key, lead, { 'idempotency-key': 'old' });
    const left = async (table: string) => (await intake.rows(`SELECT 1 FROM intake.${table} WHERE tenant_id = 'old'`)).length;
    pass(7 * DAY - 1);
    await intake.app.get(RetentionJob).run();
    expect([await left('idempotency'), await left('fingerprints')]).toEqual([1, 2]);
    expect((await intake.post(key, lead, { 'idempotency-key': 'old' })).headers.get('idempotency-replayed')).toBe('true');
    pass(2);
    await intake.app.get(RetentionJob).run();
    expect([await left('idempotency'), await left('leads')]).toEqual([0, 1]);
    pass(23 * DAY);
    await intake.app.get(RetentionJob).run();
    expect(await left('fingerprints')).toBe(0);
  });
});
