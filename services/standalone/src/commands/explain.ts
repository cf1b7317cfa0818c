import type { Api } from '../api.js';
import type { Terminal } from '../terminal.js';

interface Limit {
  readonly scope: string;
  readonly window: string;
  readonly used: number | string;
  readonly limit: number | string;
}

interface Verdict {
  readonly contractId: string;
  readonly clientId: string;
  readonly code: string;
  readonly gates: readonly string[];
  readonly limit: Limit | null;
  readonly detail: string | null;
  readonly rank: { readonly method: string; readonly keys: Readonly<Record<string, unknown>> } | null;
}

interface Receipt {
  readonly at: string;
  readonly trigger: string;
  readonly outcome: string;
  readonly reason: string | null;
  readonly verdicts: readonly Verdict[];
}

/** Says of a lead, attempt by attempt, what became of the contracts in scope, or of the one named; false where it never was in scope. */
export async function explain(api: Api, leadId: string, contractId: string | undefined, terminal: Terminal): Promise<boolean> {
  const { data } = await api.call<{ data: { attemptId: string }[] }>('GET', `/v1/leads/${encodeURIComponent(leadId)}/attempts`);
  let found = contractId === undefined;
  for (const { attemptId } of data) {
    const receipt = await api.call<Receipt>('GET', `/v1/attempts/${encodeURIComponent(attemptId)}`);
    const verdicts = receipt.verdicts.filter((verdict) => contractId === undefined || verdict.contractId === contractId);
    found ||= verdicts.length > 0;
    terminal.out(`${receipt.at}  ${receipt.trigger}: ${receipt.outcome}${receipt.reason ? ` (${receipt.reason})` : ''}`);
    for (const verdict of verdicts) terminal.out(`  ${verdict.contractId.padEnd(24)} ${verdict.code.padEnd(18)} ${inWords(verdict)}`);
  }
  if (!found) terminal.line(`"${contractId}" was not in scope of any attempt: it is not of the lead's campaign, or did not exist then.`);
  return found;
}

function inWords({ code, detail, limit, rank, gates }: Verdict): string {
  const others = gates.filter((gate) => gate !== code);
  const also = others.length > 0 ? `; also ${others.join(', ')}` : '';
  if (limit) return `${limit.window} of the ${limit.scope}: ${limit.used} of ${limit.limit} used${also}`;
  if (detail) return `${detail}${also}`;
  if (rank) return `by ${rank.method}: ${Object.entries(rank.keys).map(([key, value]) => `${key} ${String(value)}`).join(', ')}`;
  return also.replace(/^; /, '');
}
