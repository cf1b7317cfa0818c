/** Runs the same scenario through the live functions as the engine calls them: compile, decide, reserve, accept, release, explain. */
import { formatMoney, murmur3 } from '@sluice/kernel';
import type { ConfigDocument } from '../document.js';
import { decide } from '../decide.js';
import type { Hooks, Request, Trigger } from '../decision.js';
import { explain } from '../explain.js';
import { itemsOf, type ConfigItem } from '../items.js';
import { newLife, type Holding, type Lead, type Life } from '../lead.js';
import { Market } from '../market.js';
import type { Gate } from '../reasons.js';
import { accept, release, reserve, returned } from '../reserve.js';
import { SalesLog } from '../sales-log.js';
import type { ScenarioStep } from '../scenario.js';
import { leadOf } from '../scenario-lead.js';
import { State } from '../state.js';
import type { Case, CaseStep, Late, LeadStep } from './case.js';
import { withSet, without, type OracleLine } from './run.js';
import { hooksOf } from './scripts.js';

interface Run {
  document: ConfigDocument;
  items: Map<string, ConfigItem>;
  market: Market;
  state: State;
  lives: Map<string, { lead: Lead; life: Life; step: LeadStep }>;
  lines: OracleLine[];
  hooks: Hooks | undefined;
}

export function runLive(scenario: Case): OracleLine[] {
  const items = itemsOf(scenario.config);
  const run: Run = {
    document: scenario.config, items: new Map(items.map((item) => [keyOf(item), item])), state: State.load(), lives: new Map(), lines: [],
    market: Market.compile(items, { deliversAlways: true, regex: (pattern) => new RegExp(pattern, 'i') }),
    hooks: scenario.scripts && hooksOf(scenario.scripts),
  };
  run.state.sales = new SalesLog();
  const timeline = scenario.timeline ?? [];
  run.state.follow(run.market, Date.parse(timeline[0]?.at ?? '1970-01-01T00:00:00Z'));
  for (const step of timeline) takeStep(run, step, Date.parse(step.at));
  return run.lines;
}

const keyOf = ({ kind, id }: { kind: string; id: string }) => `${kind}/${id}`;

function takeStep(run: Run, step: CaseStep, at: number): void {
  if ('set' in step) change(run, withSet(run.document, step.set), at);
  else if ('remove' in step) change(run, without(run.document, step.remove), at);
  else if ('lead' in step) {
    const leadStep = step as LeadStep;
    run.lives.set(leadStep.lead.id, { lead: asIntakeSaysIt(run, leadStep, at), life: newLife(), step: leadStep });
    // Without a campaign it waits for somebody who gives or takes it (A1).
    if (leadStep.lead.campaign !== '') distribute(run, leadStep.lead.id, { trigger: 'arrival' }, at);
  } else if ('distribute' in step) distribute(run, step.distribute.lead, manual(step.distribute), at);
  else if ('cherryPick' in step) {
    if (!run.market.contracts.has(step.cherryPick.contract)) return;
    distribute(run, step.cherryPick.lead, { trigger: 'cherryPick', contracts: [step.cherryPick.contract] }, at);
  } else if ('return' in step) {
    const known = run.lives.get(step.return.lead);
    const holding = known?.life.picks.find(({ contractId, state }) => (
      contractId === step.return.contract && (state === 'accepted' || state === 'cherryPicked')));
    if (known && holding) known.life = returned(run.market, run.state, known.life, holding.outboundLeadId, at);
  } else if ('late' in step) late(run, step.late, at);
  else if ('suspend' in step) run.state.suspend(step.suspend.method, Date.parse(step.suspend.until));
}

function asIntakeSaysIt({ document }: Run, { lead }: LeadStep, at: number): Lead {
  return { ...leadOf(lead, at, document.campaigns?.find(({ id }) => id === lead.campaign)), sourceList: lead.sourceList };
}

function manual({ contracts, rules, overrides }: Extract<ScenarioStep, { distribute: unknown }>['distribute']): Request {
  return { trigger: 'manual', contracts, workflow: rules, overrides: overrides as Gate[] | undefined };
}

/** Only what changed, as a change of configuration carries it. */
function change(run: Run, document: ConfigDocument, at: number): void {
  const next = Math.max(...[...run.items.values()].map(({ entry }) => entry)) + 1;
  const items = itemsOf(document, (kind, id) => run.items.get(`${kind}/${id}`)?.entry, next);
  const gone = [...run.items.values()].filter((item) => !items.some((each) => keyOf(each) === keyOf(item)))
    .map((item) => ({ ...item, body: null }) as ConfigItem);
  const changed = items.filter((item) => JSON.stringify(item.body) !== JSON.stringify(run.items.get(keyOf(item))?.body));
  run.market.change([...changed, ...gone]);
  run.state.follow(run.market, at);
  for (const item of [...changed, ...gone]) run.items.set(keyOf(item), item);
  run.document = document;
}

function distribute(run: Run, leadId: string, request: Request, at: number): void {
  const waiting = attempt(run, leadId, request, at);
  const known = run.lives.get(leadId);
  for (let holding = waiting.shift(); known && holding; holding = waiting.shift()) {
    const { outboundLeadId, contractId, state } = holding;
    const { rejectedBy, failedBy, unansweredBy } = known.step;
    const outcome = rejectedBy?.includes(contractId) ? 'rejected' : failedBy?.includes(contractId) ? 'failed' : undefined;
    if (state === 'cherryPicked' || unansweredBy?.includes(contractId)) continue;
    if (!outcome) known.life = accept(known.life, outboundLeadId);
    else {
      known.life = release(run.market, run.state, known.life, outboundLeadId, outcome);
      if (known.lead.campaignId !== '') waiting.push(...attempt(run, leadId, { trigger: 'fallback' }, at));
    }
  }
}

function attempt(run: Run, leadId: string, request: Request, at: number): Holding[] {
  const known = run.lives.get(leadId);
  if (!known) return [];
  const { market, state } = run;
  const { lead, life } = known;
  const decision = decide(market, state, lead, life, { ...request, hooks: run.hooks }, at, (text) => murmur3(text) / 2 ** 32);
  const moment = { state, life, trigger: request.trigger, overrides: request.overrides };
  const verdicts = request.contracts ? decision.verdicts : explain(market, lead, decision.verdicts, at, moment);
  const currency = run.document.currency ?? 'USD';
  run.lines.push({
    at, lead: leadId, trigger: request.trigger satisfies Trigger,
    assigned: decision.picks.map(({ contractId, priceMinor }) => ({ contract: contractId, price: formatMoney(priceMinor, currency) })),
    refused: Object.fromEntries(verdicts.filter(({ code }) => code !== 'picked').map(({ contractId, code }) => [contractId, code])),
  });
  const reserved = reserve(market, state, lead, life, decision, at, ({ contractId }) => `${leadId}/${contractId}/${life.rounds}`);
  known.life = reserved.life;
  return reserved.holdings;
}

function late(run: Run, { lead, contract, outcome }: Late, at: number): void {
  const known = run.lives.get(lead);
  const holding = known?.life.picks.find(({ contractId, state }) => contractId === contract && (state === 'reserved' || state === 'accepted'));
  if (!known || !holding) return;
  if (outcome === 'accepted') { known.life = accept(known.life, holding.outboundLeadId); return; }
  known.life = release(run.market, run.state, known.life, holding.outboundLeadId, outcome);
  if (outcome !== 'released' && known.lead.campaignId !== '') distribute(run, lead, { trigger: 'fallback' }, at);
}
