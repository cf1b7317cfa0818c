/** Force (D5): a field of the lead names its client. Ranking, groups, weights and rotation do not count; its gates do. */
import type { Contract, Workflow } from '../document.js';
import type { Gate } from '../reasons.js';
import { placeOfLead } from './criteria.js';
import { isAutomatic, staticGates, type Asked } from './gates.js';
import { documentNow, kept, soldSet } from './history.js';
import { trialsLeft } from './limits.js';
import { fullOrder } from './orders.js';
import { conflicts, HAND, recipientOf } from './phase.js';
import type { Plan } from './plan.js';

const CAPS: readonly string[] = ['cap_hour', 'cap_day', 'cap_week', 'cap_month', 'cap_total'];
const SCHEDULE: readonly string[] = ['schedule_closed', 'schedule_missing'];

/** Undefined where the lead is to be distributed as any other. */
export function forcedPlan(
  asked: Asked, workflow: Workflow, scope: readonly Contract[], gates: ReadonlyMap<string, Gate[]>,
): Plan | undefined {
  const { history, lead } = asked;
  const document = documentNow(history);
  const campaign = document.campaigns?.find(({ id }) => id === lead.campaign);
  const wanted = campaign?.forceClient === undefined ? undefined : lead.fields?.[campaign.forceClient];
  if (!isAutomatic(asked) || wanted === undefined || wanted === null || wanted === '') return undefined;
  const over = (campaign?.forceOver ?? []).flatMap((what) => (what === 'caps' ? CAPS : SCHEDULE));
  const own = scope.filter(({ id, client }) => (
    client === String(wanted).trim().toLowerCase() && (gates.get(id) ?? []).every((gate) => over.includes(gate))));
  // Who it is for has it: nobody else is asked.
  const done = kept(history, lead.id).some(({ rule }) => rule === 'force');
  if (own.length === 0 && !done && (campaign?.forceElse ?? 'normal') === 'normal') return undefined;
  const client = document.clients?.find(({ id }) => id === own[0]?.client);
  const desk = {
    ...HAND, asked, history, document, workflow, leadId: lead.id, now: asked.now, sold: soldSet(history, lead.id, workflow),
    place: placeOfLead(document, lead),
  };
  const order = fullOrder(desk, [client?.contractMethod ?? 'price']);
  const [best] = own.map((contract) => recipientOf(document, contract, 'contract')).sort(order);
  const picks = best ? [{ contract: best.contract, phase: 'force', trial: trialsLeft(history, best.contract) > 0, turned: false }] : [];
  const others = scope.filter((contract) => contract !== best?.contract);
  return {
    picks, reached: [], rulesMet: [], minimumsMet: picks.length > 0, held: !best && !done && campaign?.forceElse === 'hold',
    qualified: scope.filter((contract) => staticGates(asked, contract).length === 0).map(({ id }) => id),
    refused: new Map(others.map((contract) => [
      contract.id, gates.get(contract.id)?.[0] ?? (best && conflicts(best.contract, contract) ? 'sibling' : 'outranked'),
    ])),
  };
}
