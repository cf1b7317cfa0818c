import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '@sluice/kernel';
import fc from 'fast-check';
import type { ConfigDocument, Contract, Method } from './document.js';
import type { HistoryAttempt, HistoryLine, HistoryPick } from './history.js';
import { itemsOf } from './items.js';
import type { Lead } from './lead.js';
import { Market } from './market.js';
import { Replay, type ReplayOptions } from './replay.js';
import type { ReplayReport } from './replay-report.js';
import { Simulation } from './simulation.js';

const START = Date.UTC(2026, 2, 2, 8);
const HOUR = 3_600_000;
const NOBODY: ReadonlySet<string> = new Set();

interface Came { lead: Lead; rejectedBy?: ReadonlySet<string> }

function leadAt(place: number, at: number, attributes: Lead['attributes'] = {}, campaignId = 'solar'): Lead {
  return { leadId: `L${String(place).padStart(6, '0')}`, tenantId: 't', campaignId, receivedAt: at, attributes };
}

/** A configuration's own past: what a platform would have written down of these leads, up to an instant. */
function historyOf(document: ConfigDocument, came: readonly Came[], until: number): HistoryLine[] {
  const market = Market.compile(itemsOf(document), { deliversAlways: true });
  const attempts = new Map<string, HistoryAttempt[]>();
  const reserved = new Map<string, number>();
  const simulation = new Simulation(market, (text) => seededRandom(`replay|${text}`).next(), ({ at, track, trigger, decision }) => {
    const { leadId } = track.lead;
    const outcome = decision.kind === 'unsold' ? decision.reason : 'distributed';
    attempts.set(leadId, [...(attempts.get(leadId) ?? []), { at, trigger, outcome }]);
    for (const { outboundLeadId } of track.life.picks) if (!reserved.has(outboundLeadId)) reserved.set(outboundLeadId, at);
  }, () => 'no');
  simulation.now = came[0]?.lead.receivedAt ?? START;
  simulation.state.follow(market, simulation.now);
  for (const { lead, rejectedBy } of came) {
    simulation.runTo(lead.receivedAt);
    simulation.receive(lead, { rejectedBy: rejectedBy ?? NOBODY, failedBy: NOBODY, unansweredBy: NOBODY });
  }
  simulation.runTo(until);
  return came.map(({ lead }) => {
    const { life } = simulation.tracks.get(lead.leadId)!;
    const picks = life.picks.map(({ outboundLeadId, contractId, clientId, price, state, rule }): HistoryPick =>
      ({ contractId, clientId, priceMinor: price, state, at: reserved.get(outboundLeadId)!, rule }));
    return { lead, attempts: attempts.get(lead.leadId) ?? [], picks };
  });
}

function replay(lines: readonly HistoryLine[], options: Omit<ReplayOptions, 'from' | 'until'> & Partial<ReplayOptions>): ReplayReport {
  const run = new Replay({ from: START, until: START + 40 * 24 * HOUR, ...options });
  for (const line of lines) run.take(line);
  return run.end();
}

const two = (more: Partial<Contract> = {}): ConfigDocument => ({
  apiVersion: 'v1', timezone: 'UTC', currency: 'USD', clients: [{ id: 'dear' }, { id: 'cheap' }],
  contracts: [{ id: 'dear-c', client: 'dear', price: '30.00', maxShareCount: 1, ...more }, { id: 'cheap-c', client: 'cheap', price: '10.00' }],
  campaigns: [{ id: 'solar', workflow: 'w' }],
  workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 1, rules: [{ method: 'price', take: 1 }] }],
});

const hourly = (count: number): Came[] => Array.from({ length: count }, (_, place) => ({ lead: leadAt(place, START + place * HOUR) }));
const rowOf = (report: ReplayReport, id: string) => report.contracts.find(({ contractId }) => contractId === id)!;

describe('a replay', () => {
  it('says what a cap would have cost, by contract and in all', () => {
    const lines = historyOf(two(), hourly(10), START + 40 * HOUR);
    const report = replay(lines, { document: two({ caps: { day: 4 } }) });
    expect(report).toMatchObject({
      leads: 10, moved: 6, before: { turnover: '300.00', sold: 10 }, after: { turnover: '180.00', sold: 10 }, difference: { turnover: '-120.00', sold: 0 },
    });
    expect(report.contracts.map(({ contractId, turnover, leads }) => [contractId, leads, turnover])).toEqual([['dear-c', -6, '-180.00'], ['cheap-c', 6, '60.00']]);
    expect(rowOf(report, 'dear-c').after.reasons).toEqual({ cap_day: 6 });
  });

  it('what was returned before the span uses up nothing from then on', () => {
    const lines = historyOf(two(), hourly(8), START + 40 * HOUR).map((line, place): HistoryLine => (place === 0
      ? { ...line, picks: line.picks.map((pick) => ({ ...pick, state: 'returned', settledAt: START + HOUR / 2 })) } : line));
    const after = (from: number) => rowOf(replay(lines, { document: two({ caps: { day: 4 } }), from }), 'dear-c').after.leads;
    // Of four a day three stood at eleven, not four.
    expect([after(START + 4 * HOUR), after(START + 3 * HOUR)]).toEqual([1, 2]);
  });

  it('a client turns down again what it turned down, and what nobody takes is unsold with its reason', () => {
    const came = hourly(6).map((each, place) => ({ ...each, rejectedBy: new Set(place < 2 ? ['dear-c'] : []) }));
    const lines = historyOf(two(), came, START + 40 * HOUR);
    const report = replay(lines, { document: { ...two(), contracts: two().contracts!.slice(0, 1) } });
    expect(report.before).toMatchObject({ sold: 6, turnover: '140.00' });
    expect(report.after).toMatchObject({ sold: 4, turnover: '120.00', reasons: { rejected_before: 2 } });
  });

  it('a client that never had a lead turns it down as often as others, where that is asked for', () => {
    const came = Array.from({ length: 800 }, (_, place) => ({
      lead: leadAt(place, START + place * 60_000), rejectedBy: new Set(place % 2 === 0 ? ['dear-c'] : []),
    }));
    // It was in for half of them, and turned half of those down.
    const lines = historyOf(two(), came, START + 40 * HOUR).map((line, place) => (
      place % 4 < 2 ? line : { ...line, picks: line.picks.filter(({ contractId }) => contractId !== 'dear-c') }));
    const sold = (refusals: 'same' | 'rate') => rowOf(replay(lines, { document: two(), refusals }), 'dear-c').after.leads;
    expect(sold('same')).toBe(600);
    expect(Math.abs(sold('rate') - 400)).toBeLessThan(50);
    expect(sold('rate')).toBe(sold('rate'));
  });

  it('what was sold before the span has used up its caps', () => {
    const lines = historyOf(two({ caps: { day: 4 } }), hourly(8), START + 40 * HOUR);
    const report = replay(lines, { document: two({ caps: { day: 6 } }), from: START + 4 * HOUR });
    expect(report).toMatchObject({ warmed: 4, leads: 4 });
    expect(rowOf(report, 'dear-c')).toMatchObject({ before: { leads: 0 }, after: { leads: 2 } });
  });

  it('compares two configurations where the baseline is one, and gives the reasons of both', () => {
    const lines = historyOf(two(), hourly(10), START + 40 * HOUR);
    const report = replay(lines, { document: two({ caps: { day: 4 } }), baseline: two({ caps: { day: 9 } }) });
    expect(rowOf(report, 'dear-c')).toMatchObject({ before: { leads: 9, reasons: { cap_day: 1 } }, after: { leads: 4, reasons: { cap_day: 6 } } });
    expect(report.moved).toBe(5);
  });

  it('keeps a window open until it can be sold, and until the span is over at the latest', () => {
    const schedule = { open: { 'mon-fri': ['12:00-13:00'] } };
    const waiting = (base: ConfigDocument): ConfigDocument => ({
      ...base, contracts: base.contracts!.slice(0, 1),
      workflows: [{ id: 'w', mode: 'window', window: { length: 'P1D', every: 'PT6H' }, maxMultiplication: 1, rules: [{ method: 'price', take: 1 }] }],
    });
    const lines = historyOf(waiting(two()), hourly(3), START + 40 * HOUR);
    const report = replay(lines, { document: waiting(two({ schedule, caps: { hour: 2 } })), until: START + 20 * HOUR });
    expect(report.after).toMatchObject({ sold: 2, unsold: 1 });
  });

  it('does again what a person did by hand, past the gates', () => {
    const [line] = historyOf(two({ status: 'paused' }), hourly(1), START + HOUR);
    const pick: HistoryPick = { contractId: 'dear-c', clientId: 'dear', priceMinor: '3000', state: 'accepted', at: START + HOUR, rule: 'manual' };
    const document = two({ status: 'paused' });
    const shared = {
      ...document, workflows: [{ ...document.workflows![0]!, maxMultiplication: 2 }],
      contracts: document.contracts!.map((each) => ({ ...each, maxShareCount: 2 })),
    };
    const report = replay([{ ...line!, picks: [...line!.picks, pick] }], { document: shared });
    expect(report).toMatchObject({ moved: 0, after: { assigned: 2, turnover: '40.00' } });
  });

  it('takes who was given a lead to have been there, but not who got it because nobody was', () => {
    const document = (within: string): ConfigDocument => ({
      apiVersion: 'v1', timezone: 'UTC', campaigns: [{ id: 'solar', pushStrategy: 'p' }],
      pushStrategies: [{
        id: 'p', campaigns: ['solar'], from: 'corporate', onlyActiveWithin: within, timeout: { after: 'PT1H', to: 'desk' },
        recipients: [{ to: 'ann' }, { to: 'desk' }],
      }],
    });
    const given = (place: number, to: string, after: number): HistoryLine => {
      const lead = leadAt(place, START + place * HOUR);
      const pick: HistoryPick = { contractId: to, clientId: 'p', priceMinor: '0', state: 'accepted', at: lead.receivedAt + after, rule: 'p' };
      return { lead, attempts: [{ at: lead.receivedAt, trigger: 'push', outcome: 'not_active' }], picks: [pick] };
    };
    const lines = [given(0, 'ann', 0), given(1, 'desk', HOUR), given(3, 'ann', HOUR / 2)];
    const leads = (report: ReplayReport) => [rowOf(report, 'ann').after.leads, rowOf(report, 'desk').after.leads];
    expect(leads(replay(lines, { document: document('PT10M') }))).toEqual([2, 1]);
    // Whoever counts as there for longer has the second lead too: nobody has to wait for the desk.
    expect(leads(replay(lines, { document: document('PT2H') }))).toEqual([3, 0]);
  });

  it('leaves out what a client gave back, on both sides', () => {
    const [line] = historyOf(two(), hourly(1), START + HOUR);
    const report = replay([{ ...line!, picks: line!.picks.map((pick) => ({ ...pick, state: 'returned' as const })) }], { document: two() });
    expect(rowOf(report, 'dear-c')).toMatchObject({ before: { leads: 1, returned: 1, turnover: '0.00' }, after: { leads: 1, returned: 1, turnover: '0.00' } });
  });

  it('refuses leads that are not in order of time', () => {
    const [first, second] = historyOf(two(), hourly(2), START + HOUR);
    expect(() => replay([second!, first!], { document: two() })).toThrow(/before the one above it/);
  });
});

/** Set-ups in which much hangs on what came before: caps, turns, weights, percentages. */
function drawn(seed: string, methods: readonly Method[]): ConfigDocument {
  const random = seededRandom(seed);
  const contracts = Array.from({ length: random.int(2, 6) }, (_, place): Contract => ({
    id: `c${place}`, client: `k${random.int(0, 3)}`, price: random.int(100, 900) / 10, weight: random.int(1, 5), qualityScore: random.int(90, 110),
    ...(random.chance(0.5) && { maxShareCount: random.int(1, 3) }),
    ...(random.chance(0.5) && { caps: { [random.chance(0.5) ? 'day' : 'hour']: random.int(1, 6) } }),
    ...(random.chance(0.3) && { criteria: { field: 'state', op: 'in' as const, value: ['NY', 'CA'] } }),
  }));
  const shares = contracts.map(() => Math.floor(100 / contracts.length));
  return {
    apiVersion: 'v1', timezone: 'America/New_York', clients: [0, 1, 2, 3].map((place) => ({ id: `k${place}` })),
    contracts: contracts.map((each, place) => ({ ...each, percentage: shares[place] })), campaigns: [{ id: 'solar', workflow: 'w' }],
    workflows: [{
      id: 'w', mode: random.chance(0.3) ? 'window' : 'onArrival', window: { length: 'PT12H', every: 'PT1H' }, maxMultiplication: random.int(1, 2),
      rules: [{
        method: methods[random.int(0, methods.length - 1)]!, take: 1, timeframe: 'day', strict: random.chance(0.5), base: 'price',
        reset: random.chance(0.5) ? 'daily' : 'never',
      }],
    }],
  };
}

function cameTo(seed: string, refusing: boolean): Came[] {
  const random = seededRandom(`${seed} leads`);
  let at = START;
  return Array.from({ length: 40 }, (_, place) => {
    at += random.int(1, 40) * 60_000;
    const rejectedBy = new Set(refusing && random.chance(0.3) ? [`c${random.int(0, 5)}`] : []);
    return { lead: leadAt(place, at, { state: ['NY', 'CA', 'TX'][random.int(0, 2)]! }), rejectedBy };
  });
}

describe('a replay of the configuration that made the history', () => {
  it('gives what happened, whatever the methods, caps, windows and refusals', () => {
    fc.assert(fc.property(fc.string({ minLength: 4, maxLength: 8 }), (seed) => {
      const document = drawn(seed, ['price', 'roundRobin', 'weighted', 'percentage', 'qualityScore', 'turnover']);
      const until = START + 60 * HOUR;
      const report = replay(historyOf(document, cameTo(seed, true), until), { document, until });
      expect({ moved: report.moved, ...report.difference }).toEqual({ moved: 0, sold: 0, assigned: 0, turnover: '0.00' });
      expect(report.after.reasons).toEqual(report.before.reasons);
    }), { numRuns: 1_000 });
  });

  it('gives what happened from the middle on as well, because the first half has used up what it used up', () => {
    fc.assert(fc.property(fc.string({ minLength: 4, maxLength: 8 }), (seed) => {
      const document = drawn(seed, ['price', 'roundRobin', 'weighted', 'percentage', 'qualityScore']);
      const [until, came] = [START + 60 * HOUR, cameTo(seed, false)];
      const lines = historyOf({ ...document, workflows: document.workflows!.map((each) => ({ ...each, mode: 'onArrival' })) }, came, until);
      const report = replay(lines, { document: { ...document, workflows: document.workflows!.map((each) => ({ ...each, mode: 'onArrival' })) },
        until, from: came[20]!.lead.receivedAt });
      expect({ leads: report.leads, moved: report.moved, ...report.difference }).toEqual({ leads: 20, moved: 0, sold: 0, assigned: 0, turnover: '0.00' });
    }), { numRuns: 1_000 });
  });
});
