import { benchDocument, benchLead, itemsOf, type ConfigDocument, type Lead, type Row, type ScriptHost } from '@sluice/distribution';
import { ConfigurationChanged, definitions, LeadReceived, type Heard, type Said } from '@sluice/events';
import { seededRandom } from '@sluice/kernel';
import { Sandbox, Scripts, linearRegex } from '@sluice/scripts';
import type { PartitionMemory } from './memory.js';
import { step } from './step.js';

const NOW = Date.UTC(2026, 2, 2, 15);
const CONTRACTS = 1_000;
const CAMPAIGNS = 2;
const BATCH = 256;
const ROUNDS = 60;
const TENANT = 'bench';

/** What people write: a look at a field of the lead and one of the contract. */
const CODE = `function filter(lead, contract) {
  return lead.fields.age > 80 && contract.qualityScore < 3 ? 'too old for this one' : true;
}`;

/**
 * What a script costs a decision as the engine makes it (decided, reserved, with its receipt and its events, not yet written), and what one
 * call costs of those that a lead makes together. Batches with and without it take turns, so that both meet the same neighbours.
 */
export function benchScripts(): Row[] {
  const scripts = new Scripts(new Sandbox(), linearRegex);
  try {
    const [all, few] = [decisions(scripts, {}), decisions(scripts, { contracts: Array.from({ length: CONTRACTS / 10 }, (_, place) => `contract-${place}`) })];
    const callUs = all.scriptUs / all.asked;
    return [
      { what: `script, a call, ${Math.round(all.asked)} contracts a lead`, measured: round(callUs), unit: 'µs', goal: '≤ 5 µs', met: callUs <= 5 },
      row(`decisions a second with a script on all of ${Math.round(all.asked)} contracts`, all),
      row(`decisions a second with a script on ${few.asked.toFixed(1)} contracts`, few),
    ];
  } finally {
    scripts.stop();
  }
}

interface Measured { with: number; without: number; asked: number; scriptUs: number }

function row(what: string, { with: scripted, without }: Measured): Row {
  const ratio = scripted / without;
  return {
    what, measured: Math.round(scripted), unit: '/s', against: `without a script: ${Math.round(without)}/s`, ratio: round(ratio), goal: '≥ 0.80',
    met: ratio >= 0.8,
  };
}

function decisions(scripts: Scripts, attached: { contracts?: string[] }): Measured {
  let asked = 0;
  let spentMs = 0;
  // Counts what is asked and how long it takes, on both sides of the same hooks.
  const counting: ScriptHost = {
    hooksOf(market, state) {
      const hooks = scripts.hooksOf(market, state);
      if (!hooks?.judge) return hooks;
      const judge = hooks.judge.bind(hooks);
      return Object.assign(hooks, {
        judge: (...given: Parameters<typeof judge>) => {
          asked += attached.contracts ? given[1].filter(({ id }) => attached.contracts!.includes(id)).length : given[1].length;
          const start = performance.now();
          try { return judge(...given); } finally { spentMs += performance.now() - start; }
        },
      });
    },
    ahead: (...given) => scripts.ahead(...given),
    settled: (...given) => scripts.settled(...given),
  };
  const document = { ...benchDocument(CONTRACTS, CAMPAIGNS, 'contracts'), deliveryMethods: [{ id: 'hook', type: 'webhook', url: 'https://example.com' }] };
  document.contracts = document.contracts!.map((contract) => ({ ...contract, deliveryMethod: 'hook' }));
  const sides = [new Side(document), new Side({ ...document, scripts: [{ id: 's', status: 'active', code: CODE, ...attached }] }, counting)];
  const times: [number[], number[]] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    // The first few warm both up; whoever comes first takes turns as well.
    if (round === ROUNDS / 6) { asked = 0; spentMs = 0; }
    for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const ms = sides[side]!.batch();
      if (round >= ROUNDS / 6) times[side]!.push(ms);
    }
  }
  const [without, scripted] = times.map((all) => (BATCH * 1_000) / all.sort((a, b) => a - b)[all.length >> 1]!) as [number, number];
  const leads = BATCH * (ROUNDS - ROUNDS / 6);
  return { with: scripted, without, asked: asked / leads, scriptUs: (spentMs * 1_000) / leads };
}

/** An engine's memory with a stream of leads of its own, the same on every side. */
class Side {
  private readonly memory: PartitionMemory = { partition: 1, epoch: 1, batchNo: 0, now: NOW, tenants: new Map(), waiting: new Map() };
  private readonly random = seededRandom('scripts bench');
  private place = 0;
  private seq = 1;

  constructor(document: ConfigDocument, private readonly scripts?: ScriptHost) {
    const items = itemsOf(document).map(({ kind, id, entry, body }) => ({ kind, id, entry, body: body as never }));
    this.step([ConfigurationChanged.make({ tenantId: TENANT, version: 1, part: 1, parts: 1, items }, { id: 'c', time: NOW })]);
  }

  /** Milliseconds. */
  batch(): number {
    const leads = Array.from({ length: BATCH }, () => saidOf(benchLead(this.random, this.place++, CAMPAIGNS)));
    return this.step(leads);
  }

  private step(said: readonly Said[]): number {
    const events = said.map(({ id, type, subject, tenantId, time, traceparent, value }): Heard => (
      { seq: this.seq++, id, type, subject, tenantId, time, traceparent, data: definitions.get(type)!.parse(value) }));
    const start = performance.now();
    step(this.memory, { topic: 'bench', events }, () => undefined, NOW, {
      seedOf: () => () => 0.5, trace: (_leadId, parent) => parent, market: { regex: linearRegex }, scripts: this.scripts,
    }, () => []);
    return performance.now() - start;
  }
}

function saidOf({ leadId, campaignId, attributes, score }: Lead): Said {
  return LeadReceived.make({
    tenantId: TENANT, leadId, campaignId, sourceId: 'web', receivedAt: new Date(NOW).toISOString(), configurationVersion: 1, attributes, score,
  }, { id: leadId, time: NOW });
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
