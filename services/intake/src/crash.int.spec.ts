import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { aLead, Booted, solar } from './booted.suite.js';

const RUN_TS = path.resolve(__dirname, '../../../libs/testing/run/run-ts.cjs');

describe('an intake that is killed', () => {
  let intake: Booted;
  let key: string;

  beforeAll(async () => {
    intake = await Booted.start();
    await intake.listen();
    for (const tenant of ['t1', 't2']) await intake.configure(tenant, 1, [solar()]);
    key = await intake.source('t1');
  });

  afterAll(() => intake.stop());

  async function child(point: string): Promise<{ url: string; process: ChildProcess; died: Promise<unknown> }> {
    const process_ = spawn(process.execPath, [RUN_TS, path.join(__dirname, 'crash-child.suite.ts'), intake.test.url, point], { stdio: ['ignore', 'pipe', 'inherit'] });
    const died = once(process_, 'exit');
    const [said] = (await once(process_.stdout!, 'data')) as [Buffer];
    return { url: said.toString().trim(), process: process_, died };
  }

  const send = (url: string, body: string, idempotencyKey: string, type = 'application/json', at = '/v1/leads') => fetch(`${url}${at}`, {
    method: 'POST', body, headers: { authorization: `Bearer ${key}`, 'content-type': type, 'idempotency-key': idempotencyKey } });

  const ofKey = (idempotencyKey: string) => intake.rows<{ lead_id: string }>(
    'SELECT lead_id FROM intake.leads JOIN intake.idempotency USING (lead_id) WHERE key LIKE $1', [idempotencyKey]);

  it.each([['intake.before-commit', 0], ['intake.after-commit', 1]])('at %s has answered nothing, stored %d, and ends with one lead all the same', async (point, stored) => {
    const victim = await child(point);
    const lead = JSON.stringify(aLead());
    await expect(send(victim.url, lead, point)).rejects.toThrow();
    const [, signal] = (await victim.died) as [number | null, string];
    expect(signal).toBe('SIGKILL');
    const left = await ofKey(point);
    expect(left).toHaveLength(stored);
    const again = await send(intake.url, lead, point);
    const { leadId } = (await again.json()) as { leadId: string };
    expect([again.status, again.headers.get('idempotency-replayed')]).toEqual([202, stored === 1 ? 'true' : null]);
    expect(await ofKey(point)).toEqual([{ lead_id: stored === 1 ? left[0]!.lead_id : leadId }]);
    expect(await intake.heardOf(leadId)).toHaveLength(1);
    const vault = await intake.rows('SELECT 1 FROM intake.vault WHERE lead_id = $1', [leadId]);
    expect(vault).toHaveLength(1);
  });

  it('in the middle of a batch loses and doubles no line when the batch is sent again', async () => {
    const victim = await child('intake.after-commit');
    const leads = Array.from({ length: 1500 }, () => JSON.stringify(aLead({ phone: undefined }))).join('\n');
    await send(victim.url, leads, 'file', 'application/x-ndjson', '/v1/leads:batch').then((response) => response.text()).catch(() => undefined);
    await victim.died;
    const before = await ofKey('file/%');
    expect(before.length).toBeGreaterThan(0);
    const text = await (await send(intake.url, leads, 'file', 'application/x-ndjson', '/v1/leads:batch')).text();
    const results = text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as { line: number; status: string; leadId: string });
    expect(results.map(({ line }) => line)).toEqual(Array.from({ length: 1500 }, (_, at) => at + 1));
    expect(results.filter(({ status }) => status === 'replayed').map(({ leadId }) => leadId).sort()).toEqual(before.map((row) => row.lead_id).sort());
    expect(new Set(results.map(({ leadId }) => leadId)).size).toBe(1500);
    expect(await ofKey('file/%')).toHaveLength(1500);
  });

  it('by a database that goes away answers 503 or waits, and takes leads again when it is back', async () => {
    await intake.rows(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => intake.post(key, aLead(), { 'idempotency-key': `gone-${n}` })));
    for (const { status, headers } of answers) {
      expect([202, 503]).toContain(status);
      if (status === 503) expect(headers.get('retry-after')).toBe('1');
    }
    expect((await intake.post(key, aLead())).status).toBe(202);
    expect(await ofKey('gone-%')).toHaveLength(answers.filter(({ status }) => status === 202).length);
  });
});
