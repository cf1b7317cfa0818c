import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MasterKey } from '@sluice/runtime';
import { aLead, Booted, MASTER_KEY, solar } from './booted.suite.js';
import { Vault } from './vault.service.js';

const PATH = '/internal/v1/intake/personal-fields';

describe('the vault', () => {
  let intake: Booted;
  let key: string;
  const open = async (tenantId: string, leadIds: unknown[]) => intake.post(intake.service(tenantId), { leadIds }, {}, PATH);
  const taken = async () => (await intake.post(key, aLead())).body.leadId!;

  beforeAll(async () => {
    intake = await Booted.start();
    for (const tenant of ['t1', 't2']) await intake.configure(tenant, 1, [solar()]);
    key = await intake.source('t1');
  });

  afterAll(() => intake.stop());

  it('opens for a service, in the order asked, and only what is the tenant\'s', async () => {
    const [a, b] = [await taken(), await taken()];
    const bare = (await intake.post(key, { fields: { state: 'NY' } })).body.leadId;
    const stranger = '01a20cb9-5f0c-74b2-9eb9-c5f5b20fb143';
    expect((await open('t1', [b, stranger, a, bare])).body['leads']).toEqual([
      { leadId: b, fields: expect.objectContaining({ email: expect.any(String) }) }, { leadId: stranger, unknown: true },
      { leadId: a, fields: expect.objectContaining({ phone: expect.any(String) }) }, { leadId: bare, fields: {} }]);
    expect((await open('t2', [a])).body['leads']).toEqual([{ leadId: a, unknown: true }]);
    expect((await intake.post('admin-t1', { leadIds: [a] }, {}, PATH)).status).toBe(403);
  });

  it('writes down who opened how many and when, and no value', async () => {
    await intake.rows('DELETE FROM intake.openings');
    const id = await taken();
    await open('t1', [id, '01a20cb9-5f0c-74b2-9eb9-c5f5b20fb143']);
    expect(await intake.rows('SELECT tenant_id, opened_by, asked, opened, erased, unknown FROM intake.openings')).toEqual(
      [{ tenant_id: 't1', opened_by: 'service:delivery', asked: 2, opened: 1, erased: 0, unknown: 1 }]);
  });

  it('says that an erased lead is erased', async () => {
    const id = await taken();
    await intake.rows('UPDATE intake.vault SET wrapped_key = NULL, sealed = NULL, erased_at = now() WHERE lead_id = $1', [id]);
    expect((await open('t1', [id])).body['leads']).toEqual([{ leadId: id, erased: true }]);
  });

  it('does not open a row that was altered or moved, and raises the alarm', async () => {
    const [a, b] = [await taken(), await taken()];
    await intake.rows('UPDATE intake.vault v SET wrapped_key = o.wrapped_key, sealed = o.sealed FROM intake.vault o WHERE v.lead_id = $1 AND o.lead_id = $2', [a, b]);
    expect((await open('t1', [a])).status).toBe(500);
    expect(intake.lines.text).toContain('a row of the vault does not open');
    await intake.rows(`UPDATE intake.vault SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE lead_id = $1`, [b]);
    expect((await open('t1', [b])).status).toBe(500);
  });

  it('is bound to tenant, lead and master key', () => {
    const vault = new Vault(new MasterKey(Buffer.alloc(32, 7)));
    const sealed = vault.seal('t1', 'a', { name: 'Ann' });
    expect(vault.open('t1', 'a', sealed)).toEqual({ name: 'Ann' });
    expect(() => vault.open('t2', 'a', sealed)).toThrow();
    expect(() => vault.open('t1', 'b', sealed)).toThrow();
    expect(() => new Vault(new MasterKey(Buffer.alloc(32, 8))).open('t1', 'a', sealed)).toThrow(/master key/);
    expect(vault.personHash('t1', 'phone', '+12025550123')).not.toBe(vault.personHash('t2', 'phone', '+12025550123'));
  });

  it('never uses a nonce or a key twice', () => {
    const vault = new Vault(new MasterKey(Buffer.from(MASTER_KEY, 'base64')));
    const rows = Array.from({ length: 2000 }, (_, n) => vault.seal('t1', String(n), { n: 1 }));
    const hex = (part: (row: (typeof rows)[number]) => Buffer) => new Set(rows.map((row) => part(row).toString('hex')));
    expect(hex(({ wrappedKey }) => wrappedKey.subarray(0, 12)).size).toBe(2000);
    expect(hex(({ wrappedKey }) => wrappedKey.subarray(12)).size).toBe(2000);
    expect(hex(({ sealed }) => sealed.subarray(0, 12)).size).toBe(2000);
    expect(hex(({ sealed }) => sealed.subarray(12)).size).toBe(2000);
  });

  it('refuses to start on a database that was sealed under another master key', async () => {
    await expect(Booted.start({ database: intake.test, config: { SLUICE_MASTER_KEY: Buffer.alloc(32, 9).toString('base64') } })).rejects.toThrow(/sealed under master key/);
  });
});
