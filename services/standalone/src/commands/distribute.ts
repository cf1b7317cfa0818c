import type { Api } from '../api.js';
import type { Terminal } from '../terminal.js';
import { showPreview, type Preview } from './preview-view.js';

export interface DistributeCommand {
  readonly contracts?: readonly string[] | undefined;
  readonly rules?: string | undefined;
  readonly override: readonly string[];
  readonly reason?: string | undefined;
  readonly by?: string | undefined;
  readonly preview: boolean;
  readonly json: boolean;
}

interface Given {
  readonly contractId: string;
  readonly price: string;
  readonly currency: string;
  readonly overridden?: readonly string[];
}

interface Refused {
  readonly contractId: string;
  readonly reason: string;
  readonly gates: readonly string[];
  readonly detail?: string;
}

interface Answer {
  readonly state: string;
  readonly link: string;
  readonly outcome: {
    readonly picks: readonly Given[];
    readonly reason: string | null;
    readonly refused?: readonly Refused[];
    readonly minimumsMet?: boolean;
  } | null;
}

const WAIT = { prefer: 'wait=30' } as const;

/**
 * Gives a lead to contracts by hand, or by the rules of a workflow; `preview` shows the gates and asks for nothing. Answers whether
 * somebody got it.
 */
export async function distribute(api: Api, leadId: string, asked: DistributeCommand, terminal: Terminal): Promise<boolean> {
  const { contracts, rules, override, reason, by, preview, json } = asked;
  const path = `/v1/leads/${encodeURIComponent(leadId)}`;
  const overrides = override.length > 0 ? { overrides: override } : {};
  if (preview) {
    const shown = await api.call<Preview>('POST', `${path}/preview`, { body: { contracts, ...(rules && { rules }), ...overrides } });
    if (json) terminal.out(JSON.stringify(shown)); else showPreview(shown, terminal);
    return shown.picks.length > 0;
  }
  const body = { contracts, rules, ...overrides, reason, by };
  const answer = await api.call<Answer>('POST', `${path}/distributions`, { body, headers: WAIT });
  return told(answer, json, terminal);
}

/** A client takes a lead from the pool. */
export async function cherryPick(
  api: Api, leadId: string, contract: string, { by, reason, json }: Pick<DistributeCommand, 'by' | 'reason' | 'json'>, terminal: Terminal,
): Promise<boolean> {
  const path = `/v1/leads/${encodeURIComponent(leadId)}/cherry-picks`;
  const answer = await api.call<Answer>('POST', path, { body: { contract, by, reason }, headers: WAIT });
  return told(answer, json, terminal);
}

function told(answer: Answer, json: boolean, terminal: Terminal): boolean {
  const { outcome } = answer;
  if (json) terminal.out(JSON.stringify(answer));
  else if (!outcome) terminal.line(`Asked for, and not decided yet; ${answer.link} says what becomes of it.`);
  else {
    for (const { contractId, price, currency, overridden = [] } of outcome.picks) {
      terminal.out(`${contractId} gets it for ${price} ${currency}${overridden.length > 0 ? ` (passed over: ${overridden.join(', ')})` : ''}`);
    }
    if (outcome.picks.length === 0) terminal.out(`nobody gets it: ${outcome.reason ?? 'no reason was given'}`);
    for (const { contractId, reason, gates, detail } of outcome.refused ?? []) {
      const others = gates.filter((gate) => gate !== reason);
      terminal.out(`  ${contractId}: ${reason}${detail ? ` (${detail})` : ''}${others.length > 0 ? `; also ${others.join(', ')}` : ''}`);
    }
    if (outcome.minimumsMet === false) terminal.out('  the minimums of the workflow are not met');
  }
  return (outcome?.picks.length ?? 0) > 0;
}
