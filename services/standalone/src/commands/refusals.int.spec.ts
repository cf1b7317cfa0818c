import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Api } from '../api.js';
import { Captured } from '../captured.suite.js';
import { DataFolder } from '../data-folder.js';
import { reach } from '../runtime-file.js';
import { apply } from './configuration.js';
import { explain } from './explain.js';
import { lintFile } from './lint.js';
import { rowsOf } from './pages-of.js';
import { replay } from './replay.js';
import { testScripts } from './scripts.js';
import { simulateFile } from './simulate.js';
import { window } from './windows.js';

const ATTEMPTS = 2_345;

/** Answers as the API does: a list of numbers in pages, and a lead with thousands of attempts. */
const server: Server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url!, 'http://api');
  response.setHeader('content-type', 'application/json');
  if (pathname.endsWith('/explanation')) {
    response.end(JSON.stringify({ attemptId: searchParams.get('attempt'), contracts: [], currency: 'USD', basis: 'replayed' }));
    return;
  }
  const [limit, from] = [Number(searchParams.get('limit')), Number(searchParams.get('cursor') ?? 0)];
  if (limit > 1_000) { response.statusCode = 400; response.end('{}'); return; }
  const to = Math.min(from + limit, ATTEMPTS);
  const data = Array.from({ length: to - from }, (_, at) => ({ attemptId: `a${from + at + 1}` }));
  response.end(JSON.stringify({ data, nextCursor: to < ATTEMPTS ? String(to) : null }));
});

let folder: string;
let api: Api;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-'));
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  api = new Api(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'key');
});
afterAll(async () => {
  await api.close();
  await new Promise((resolve) => { server.close(resolve); });
  await rm(folder, { recursive: true });
});

describe('the command line', () => {
  it('says of a file that it cannot read which and why, whatever was to be done with it', async () => {
    const file = path.join(folder, 'none.yaml');
    const words = `${file}: cannot be read: there is no such file`;
    const captured = new Captured();
    const { terminal } = captured;
    const { length } = [await lintFile(file, terminal), await simulateFile(file, false, terminal), await testScripts(file, terminal)]
      .filter((status) => status === 2);
    expect([length, captured.said]).toEqual([3, `${words}\n`.repeat(3)]);
    await expect(apply(api, file, terminal)).rejects.toThrow(words);
    await expect(apply(api, folder, terminal)).rejects.toThrow(`${folder}: cannot be read: it is a folder`);
    const asked = { config: file, from: '2026-03-01', baseline: 'happened', refusals: 'same', top: 5, json: false } as const;
    await expect(replay(asked, () => api, 0, terminal)).rejects.toThrow(words);
    const config = path.join(folder, 'empty.yaml');
    await writeFile(config, 'apiVersion: v1\n');
    const span = { from: '2026-03-01', to: '2026-04-01' };
    await expect(replay({ ...asked, ...span, config, history: file }, () => api, 0, terminal)).rejects.toThrow(words);
  });

  it('says of a configuration that a scenario names and that is not there whose it is', async () => {
    const file = path.join(folder, 'scenario.yaml');
    await writeFile(file, 'config: ./other.yaml\ntimeline: []\n');
    const captured = new Captured();
    const { terminal } = captured;
    expect([await lintFile(file, terminal), await simulateFile(file, false, terminal)]).toEqual([2, 2]);
    const words = `${file}: config: ./other.yaml: cannot be read: there is no such file`;
    expect(captured.said).toBe(`${words}\n${words}\n`);
  });

  it('runs the tests of scripts of a document and of a scenario alike', async () => {
    const captured = new Captured();
    expect(await testScripts(path.join('docs', 'scripts.scenario.yaml'), captured.terminal)).toBe(0);
    expect(captured.out).toContain('ok   a large roof');
  });

  it('warns of contracts that get no lead on a running platform, and not of those in a scenario', async () => {
    const file = path.join(folder, 'bare.yaml');
    const bare = '{ apiVersion: v1, clients: [{ id: acme }], contracts: [{ id: acme-c, client: acme, price: 1.00 }], campaigns: [{ id: solar, workflow: w, fields: {} }],'
      + ' workflows: [{ id: w, maxMultiplication: 1, rules: [{ method: price }] }] }';
    const said = async (text: string) => {
      await writeFile(file, text);
      const captured = new Captured();
      await lintFile(file, captured.terminal);
      return captured.out;
    };
    expect(await said(bare)).toContain('contracts[0].deliveryMethod: acme-c names no delivery method');
    expect(await said(`config: ${bare}`)).not.toContain('delivery method');
  });

  it('replays no campaign that the configuration does not have, and no span that is none', async () => {
    const file = path.join(folder, 'config.yaml');
    await writeFile(file, 'apiVersion: v1\nworkflows: [{ id: w, rules: [{ method: price }] }]\ncampaigns: [{ id: solar, workflow: w, fields: {} }]\n');
    const { terminal } = new Captured();
    const asked = { config: file, from: '2026-03-01', baseline: 'happened', refusals: 'same', top: 5, json: false } as const;
    const at = Date.UTC(2026, 4, 1);
    await expect(replay({ ...asked, campaign: 'sollar' }, () => api, at, terminal)).rejects.toThrow('no campaign "sollar" in');
    await expect(replay({ ...asked, warm: '5' }, () => api, at, terminal)).rejects.toThrow('--warm: expected a duration');
  });

  it('goes from page to page of a list, as far as is asked for', async () => {
    const numbers = async (limit: number, pageMax: number) => {
      const { rows, more } = await rowsOf<{ attemptId: string }>(api, '/v1/attempts', {}, limit, pageMax);
      return [rows.length, rows.at(-1)?.attemptId, more];
    };
    expect(await numbers(3, 200)).toEqual([3, 'a3', true]);
    expect(await numbers(450, 200)).toEqual([450, 'a450', true]);
    expect(await numbers(ATTEMPTS, 1_000)).toEqual([ATTEMPTS, `a${ATTEMPTS}`, false]);
    expect(await numbers(9_999, 500)).toEqual([ATTEMPTS, `a${ATTEMPTS}`, false]);
  });

  it('explains the last attempt of a lead that was tried thousands of times', async () => {
    const captured = new Captured();
    expect(await explain(api, 'L1', undefined, { json: true }, captured.terminal)).toBe(true);
    expect(JSON.parse(captured.out)).toMatchObject({ attemptId: `a${ATTEMPTS}` });
    const beyond = new Captured();
    expect(await explain(api, 'L1', undefined, { attempt: 9_999, json: true }, beyond.terminal)).toBe(false);
    expect(beyond.said).toBe(`There is no attempt 9999: it has ${ATTEMPTS}.\n`);
  });

  it('refuses terms where a window takes none, before anything is done to it', async () => {
    const { terminal } = new Captured();
    await expect(window(api, 'L1', 'stop', { length: 'P3D' }, terminal)).rejects.toThrow('--length is of open and edit alone; to stop a window takes none');
  });

  it('says where nobody answers', async () => {
    const nobody = new Api('http://127.0.0.1:1', 'key');
    await expect(nobody.call('GET', '/v1/windows')).rejects.toThrow('Nothing answers at http://127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1). Start it, or');
    await expect(nobody.download('/v1/history')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await nobody.close();
  });

  it('finds the gateway beside it, with the key that it left in the data folder', () => {
    const data = new DataFolder(path.join(folder, 'data'));
    expect(() => reach({ data })).toThrow('Nothing is known to run on');
    expect(() => reach({ data, gatewayUrl: 'http://gateway:8080' })).toThrow('No admin key is known');
    data.write('admin.key', 'a key');
    expect(reach({ data, gatewayUrl: 'http://gateway:8080' }).url).toBe('http://gateway:8080');
    expect(reach({ data, gatewayUrl: 'http://gateway:8080', url: 'http://given' }).url).toBe('http://given');
  });
});
