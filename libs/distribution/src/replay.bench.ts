/** How long a replay of a million leads takes, and how much memory it holds: on arrival, by weights, and with windows that stay open. */
import { seededRandom, type SeededRandom } from '@sluice/kernel';
import type { Row } from './decide.bench.js';
import type { ConfigDocument, Contract, Method } from './document.js';
import type { HistoryLine, HistoryPick } from './history.js';
import { Replay } from './replay.js';

const FROM = Date.UTC(2026, 1, 1);
const DAY = 86_400_000;
const DAYS = 30;
const CONTRACTS = 50;
const STATES = 'AL AK AZ AR CA CO CT DE FL GA'.split(' ');
const MILLION = 1_000_000;

/** Fifty contracts that take every other lead, most of them capped by hour and day. */
function document(method: Method, mode: 'onArrival' | 'window', leads: number): ConfigDocument {
  const random = seededRandom('replay bench');
  const perDay = leads / DAYS;
  const contracts = Array.from({ length: CONTRACTS }, (_, place): Contract => ({
    id: `c${place}`, client: `k${place}`, price: random.int(500, 9000) / 100, weight: random.int(1, 9), maxShareCount: random.int(1, 5),
    caps: { hour: Math.ceil((perDay * random.next()) / 10), day: Math.ceil(perDay * random.next()) },
    criteria: { all: [
      { field: 'state', op: 'in', value: random.shuffle(STATES).slice(0, random.int(2, 8)) },
      { field: 'age', op: 'between', value: [random.int(18, 40), random.int(41, 80)] },
    ] },
  }));
  return {
    apiVersion: 'v1', timezone: 'UTC', clients: contracts.map(({ client }) => ({ id: client })), contracts,
    campaigns: [{ id: 'solar', workflow: 'w' }],
    workflows: [{ id: 'w', mode, window: { length: 'P1D', every: 'PT15M' }, maxMultiplication: 3, rules: [{ method, take: 3 }] }],
  };
}

function lineAt(random: SeededRandom, place: number, leads: number): HistoryLine {
  const at = FROM + Math.floor((place * DAYS * DAY) / leads);
  const [contract, isRefused] = [random.int(0, CONTRACTS - 1), random.chance(0.1)];
  const pick: HistoryPick = {
    contractId: `c${contract}`, clientId: `k${contract}`, priceMinor: '2000', state: isRefused ? 'rejected' : 'accepted', at, rule: 'w/r0',
  };
  return {
    lead: { leadId: `lead-${place}`, tenantId: 'bench', campaignId: 'solar', receivedAt: at,
      attributes: { state: STATES[random.int(0, STATES.length - 1)]!, age: random.int(18, 80) } },
    attempts: [{ at, trigger: 'arrival', outcome: 'distributed' }], picks: [pick],
  };
}

function run(method: Method, mode: 'onArrival' | 'window', leads: number): { seconds: number; heldMb: number } {
  const random = seededRandom('replay leads');
  const replay = new Replay({ document: document(method, mode, leads), from: FROM + 3 * DAY, until: FROM + DAYS * DAY });
  const before = process.memoryUsage().heapUsed;
  let most = before;
  const began = process.cpuUsage();
  for (let place = 0; place < leads; place++) {
    replay.take(lineAt(random, place, leads));
    if (place % 10_000 === 0) most = Math.max(most, process.memoryUsage().heapUsed);
  }
  replay.end();
  // Of the processor, not of the wall: a replay waits for nothing, and what else this machine does is not its own.
  const { user, system } = process.cpuUsage(began);
  return { seconds: (user + system) / 1e6, heldMb: (most - before) / 2 ** 20 };
}

/** Some twenty seconds. A replay is linear in its leads, so that a part of a million tells of all. */
export function benchReplay(): Row[] {
  const runs = [['price', 'onArrival', 200_000], ['weighted', 'onArrival', 100_000], ['price', 'window', 100_000]] as const;
  return runs.flatMap(([method, mode, leads]): Row[] => {
    const { seconds, heldMb } = run(method, mode, leads);
    const [perMillion, mb] = [Math.round((seconds * MILLION) / leads), Math.round(heldMb)];
    const what = `replay of a million leads, ${CONTRACTS} contracts, ${method}, ${mode === 'window' ? 'windows of a day' : 'on arrival'}`;
    return [
      { what, measured: perMillion, unit: 's of a core', goal: '≤ 60 s', met: perMillion <= 60 },
      { what: '… heap at most, garbage included', measured: mb, unit: 'MB', goal: '≤ 512 MB', met: mb <= 512 },
    ];
  });
}
