import type { Api } from '../api.js';
import { rowsOf } from './pages-of.js';
import type { Terminal } from '../terminal.js';
import { attemptLines, contractLines, rankLines, type ExplainedContract, type Explanation, type Receipt, type ShownAttempt } from './explain-view.js';

export interface ExplainOptions {
  /** Another attempt than the last one, by its number in the list: 1 is the first. */
  readonly attempt?: number | undefined;
  readonly json: boolean;
}

/**
 * Says of a lead, attempt by attempt, what became of it, and of its last attempt (or the one asked for) why each contract that lost did, or
 * the one named: its gates, where it ranked, and the one change that would have won.
 */
export async function explain(
  api: Api, leadId: string, contractId: string | undefined, options: ExplainOptions, terminal: Terminal,
): Promise<boolean> {
  const lead = `/v1/leads/${encodeURIComponent(leadId)}`;
  // A lead with a long window has thousands, and the last of them is the one that is asked about.
  const { rows: attempts } = await rowsOf<ShownAttempt>(api, `${lead}/attempts`, {}, Infinity, 1_000);
  const asked = attempts[(options.attempt ?? attempts.length) - 1];
  if (!asked) {
    terminal.line(attempts.length === 0 ? 'It was not tried yet.' : `There is no attempt ${options.attempt}: it has ${attempts.length === 1 ? 'one' : attempts.length}.`);
    return false;
  }
  const query = new URLSearchParams({ attempt: asked.attemptId, ...(contractId && { contract: contractId }) });
  const explanation = await api.call<Explanation>('GET', `${lead}/explanation?${query.toString()}`);
  if (options.json) {
    terminal.out(JSON.stringify({ ...explanation, attempts }));
    return true;
  }
  for (const line of attemptLines(attempts, asked)) terminal.out(line);
  terminal.out('');
  const contracts = contractId === undefined ? sorted(explanation.contracts) : explanation.contracts;
  for (const contract of contracts) {
    for (const line of contractLines(contract, explanation.currency, contractId !== undefined)) terminal.out(line);
  }
  if (contractId !== undefined) {
    const receipt = await api.call<Receipt>('GET', `/v1/attempts/${encodeURIComponent(asked.attemptId)}`);
    for (const line of rankLines(receipt, contractId, explanation.currency)) terminal.out(line);
  }
  for (const { sentence } of explanation.scripts ?? []) terminal.out(sentence);
  if (explanation.basis === 'now') {
    const why = BASIS_WORDS[explanation.basisReason ?? ''] ?? explanation.basisReason;
    terminal.line(terminal.dim(`Changes were tried on the counters as they stand now, not as they stood then: ${why}.`));
  }
  return true;
}

/** Why the counters of then cannot be had. */
const BASIS_WORDS: Readonly<Record<string, string>> = {
  too_far: 'too much has happened since', too_long: 'to decide again up to then took too long', before_snapshot: 'it was before the last snapshot',
  log_gone: 'the log of then is gone', differs: 'what was decided again is not what stands in the receipt',
};

/** Who got it first, then who lost by one thing alone, then the others. */
function sorted(contracts: readonly ExplainedContract[]): ExplainedContract[] {
  const weight = ({ code, gates }: ExplainedContract) => (code === 'picked' ? -1 : gates.length);
  return [...contracts].sort((a, b) => weight(a) - weight(b));
}
