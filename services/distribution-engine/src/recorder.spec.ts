import { describe, expect, it } from '@jest/globals';
import type { Said } from '@sluice/events';
import fc from 'fast-check';
import { Bench, tools } from './bench.suite.js';
import { aConfiguration, aDocument, aLead, aRequest, aResult, NOON } from './builders.suite.js';
import { Recorder } from './recorder.js';

const document = aDocument({
  clients: [{ id: 'acme' }, { id: 'bolt' }, { id: 'cole' }],
  contracts: [
    { id: 'acme-ny', client: 'acme', price: '25.00', caps: { day: 3, hour: 2, rolling60m: 2 }, deliveryMethod: 'hook' },
    { id: 'bolt-all', client: 'bolt', price: '10.00', weight: 2, deliveryMethod: 'hook' },
    { id: 'cole-all', client: 'cole', price: '10.00', weight: 1, deliveryMethod: 'hook' },
  ],
  workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 2, rules: [{ method: 'price', take: 1, contracts: { ids: ['acme-ny'] } },
    { method: 'weighted', base: 'price', take: 1, reset: 'daily' }] }],
});

type Doing = 'lead' | 'theirs' | 'reject' | 'accept' | 'manual' | 'configure' | 'day' | 'hour' | 'cut';
const doings = fc.constantFrom<Doing>(
  'lead', 'lead', 'lead', 'theirs', 'reject', 'accept', 'manual', 'configure', 'day', 'hour', 'cut');

/** What was said is told batch by batch; `seen`: before each attempt of tenant a, and what its counters were then. */
function run(steps: readonly Doing[], recorder: { made?: Recorder; from: number; keptMax: number }) {
  const seen = new Map<string, string>();
  let now = NOON;
  const bench: Bench = new Bench({
    ...tools,
    watch(attemptId, tenant, stored, request) {
      if (tenant.tenantId !== 'a') return;
      seen.set(attemptId, counters(tenant.state.entries()));
      recorder.made?.attempt(attemptId, tenant, stored, request, now);
    },
  }).configured(document);
  let version = 1;
  const leads: string[] = [];
  let pending: Said[] = [];
  const flush = () => {
    const { memory } = bench;
    if (!recorder.made && memory.batchNo >= recorder.from) {
      recorder.made = new Recorder(memory.tenants.get('a')!.state.entries(), recorder.keptMax, 2);
    }
    const changes = bench.batch(pending, now);
    recorder.made?.ended('a', changes);
    pending = [];
  };
  for (const step of steps) {
    const outbound = [...bench.leads.values()].filter(({ lead }) => lead.tenantId === 'a').flatMap(({ lead, life }) =>
      life.picks.filter(({ state }) => state === 'reserved').map((pick) => ({ tenantId: 'a', leadId: lead.leadId, ...pick })));
    if (step === 'lead' || step === 'theirs') {
      const leadId = `L${leads.push('') - 1}`;
      leads[leads.length - 1] = step === 'lead' ? leadId : '';
      pending.push(aLead(step === 'lead' ? 'a' : 'b', leadId, { configurationVersion: step === 'lead' ? version : 1 }));
    } else if (step === 'accept' || step === 'reject') {
      if (outbound[0]) pending.push(aResult(step === 'accept' ? 'accepted' : 'rejected', outbound[0]));
    } else if (step === 'manual') {
      const leadId = leads.findLast((id) => id !== '');
      if (leadId) pending.push(aRequest('a', leadId, { contractIds: ['cole-all', 'bolt-all'] }));
    } else if (step === 'configure') {
      pending.push(...aConfiguration('a', ++version, [{ kind: 'contract', id: `new-${version}`, entry: 20 + version,
        body: { id: `new-${version}`, client: 'cole', price: '1.00', deliveryMethod: 'hook' } }]));
    } else {
      flush();
      now += step === 'day' ? 90_000_000 : step === 'hour' ? 3_700_000 : 1_000;
    }
  }
  flush();
  return seen;
}

function counters(entries: Iterable<{ key: string; value: number | string }>): string {
  return [...entries].map(({ key, value }) => `${key}=${value}`).sort().join('\n');
}

describe('a recorder', () => {
  it('has the counters before each of the last attempts, whatever happened in between and wherever it began', () => {
    let asked = 0;
    fc.assert(fc.property(fc.array(doings, { minLength: 12, maxLength: 60 }), fc.nat(4), fc.integer({ min: 1, max: 12 }),
      (steps, from, keptMax) => {
        const recorder: { made?: Recorder; from: number; keptMax: number } = { from, keptMax };
        const seen = [...run(steps, recorder)];
        const kept = seen.filter(([attemptId]) => recorder.made?.moment(attemptId));
        for (const [attemptId, expected] of kept) {
          asked++;
          expect(counters(recorder.made!.moment(attemptId)!.state.entries())).toBe(expected);
        }
        // Those that are kept are the last ones, and as many as were promised.
        expect(kept.map(([attemptId]) => attemptId)).toEqual(seen.slice(seen.length - kept.length).map(([attemptId]) => attemptId));
        if (from === 0) expect(kept.length).toBeGreaterThanOrEqual(Math.min(seen.length, keptMax));
      }), { numRuns: 1000 });
    expect(asked).toBeGreaterThan(2_000);
  });
});
