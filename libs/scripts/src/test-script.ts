/** A script's own test cases, run in the sandbox as decisions are: what it answers against what is expected. */
import type { AskedContract, Client, ConfigDocument, Contract, Lead, Script, ScriptTest } from '@sluice/distribution';
import { leadFacts } from './facts.js';
import { LoadedScript, type HookName } from './loaded-script.js';
import type { Fault, Sandbox } from './sandbox.js';

export interface TestResult {
  name: string;
  hook: HookName;
  passed: boolean;
  /** As a person reads them: `true`, `"not here"`, `12`, `["a"]`; a failure of the script in its own words. */
  expected: string;
  got: string;
}

/** `fault`: the code cannot be run at all. */
export interface Tested { fault?: Fault; hooks: HookName[]; results: TestResult[] }

/** The document gives the contracts that tests name, and the zone. */
export function testScript(sandbox: Sandbox, script: Pick<Script, 'code' | 'tests' | 'limits'>, document?: ConfigDocument): Tested {
  const loaded = new LoadedScript(sandbox, script.code, script.limits?.steps);
  try {
    const { fault } = loaded;
    if (fault) return { fault, hooks: [], results: [] };
    const hooks = (['filter', 'score', 'afterPlan'] as const).filter((hook) => loaded.has(hook));
    const results: TestResult[] = [];
    for (const test of script.tests ?? []) {
      const got = answerOf(loaded, test, document);
      results.push({ name: test.name, hook: test.hook, passed: got.passed, expected: JSON.stringify(test.expect), got: got.words });
      // A script that the clock ended once would keep who waits for the answer as long again with every test.
      if (got.isHung) break;
    }
    return { hooks, results };
  } finally {
    loaded.drop();
  }
}

interface Got { passed: boolean; words: string; isHung?: boolean }

function answerOf(loaded: LoadedScript, test: ScriptTest, document: ConfigDocument | undefined): Got {
  if (!loaded.has(test.hook)) return { passed: false, words: `no function ${test.hook}` };
  const lead = JSON.stringify(testLead(test.lead, document));
  const { expect } = test;
  if (test.hook === 'afterPlan') {
    const planned = loaded.afterPlan(lead, (test.plan ?? []).map((given) => testContract(given, document)));
    if (planned.fault) return failed(planned.fault);
    const words = JSON.stringify(planned.stay);
    return { passed: Array.isArray(expect) && JSON.stringify([...expect].sort()) === JSON.stringify([...planned.stay].sort()), words };
  }
  const judged = loaded.judge(lead, [testContract(test.contract ?? {}, document)]);
  if (judged.fault) return failed(judged.fault);
  if (test.hook === 'score') {
    // Refused, it has no score.
    if (judged.refusals?.[0] != null) return { passed: false, words: `refused: ${judged.refusals[0] || 'without words'}` };
    return { passed: judged.scores![0] === expect, words: String(judged.scores![0]) };
  }
  const refusal = judged.refusals?.[0] ?? null;
  if (refusal === null) return { passed: expect === true, words: 'true' };
  return { passed: expect === false || expect === refusal, words: refusal === '' ? 'false' : JSON.stringify(refusal) };
}

function failed({ reason, words }: Fault): Got {
  return { passed: false, words, isHung: reason === 'time' };
}

/** A Monday, at noon: what a test does not say must not change from one run to the next. */
const NOW = Date.UTC(2026, 0, 5, 12);

/** `{ fields: { state: NY }, source: web }`, or the fields alone. */
function testLead(given: Readonly<Record<string, unknown>>, document: ConfigDocument | undefined) {
  const { fields, ...facts } = typeof given['fields'] === 'object' && given['fields'] !== null ? given : { fields: given };
  const now = instantOf(facts['now'], NOW);
  const campaign = textOf(facts['campaign'], 'campaign');
  const lead: Lead = {
    leadId: textOf(facts['id'], 'lead'), tenantId: 'test', campaignId: campaign, receivedAt: instantOf(facts['receivedAt'], now),
    attributes: fields as Lead['attributes'],
  };
  const shown = leadFacts(lead, document?.campaigns?.find(({ id }) => id === campaign), now, document?.timezone ?? 'UTC');
  const { id, receivedAt } = shown;
  return { ...shown, ...facts, id, campaign, receivedAt, now };
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function instantOf(value: unknown, otherwise: number): number {
  const at = typeof value === 'string' ? Date.parse(value) : value;
  return typeof at === 'number' && Number.isFinite(at) ? at : otherwise;
}

/** A contract of the document by its id, or one with the facts given. */
function testContract(given: string | Readonly<Record<string, unknown>>, document: ConfigDocument | undefined): AskedContract {
  if (typeof given === 'string') {
    const body = document?.contracts?.find(({ id }) => id === given) ?? { id: given, client: 'client' };
    const client = document?.clients?.find(({ id }) => id === body.client) ?? { id: body.client };
    return { id: body.id, body, client: { id: client.id, body: client } };
  }
  const { clientGroup, clientName, ...rest } = given as Partial<Contract> & Pick<Client, 'clientGroup'> & { clientName?: string };
  const body: Contract = { id: 'contract', client: 'client', ...rest };
  return { id: body.id, body, client: { id: body.client, body: { id: body.client, name: clientName, clientGroup } } };
}
