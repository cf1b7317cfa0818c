import type { Api } from '../api.js';
import { rowsOf, sayMore } from './pages-of.js';
import { table } from '../table.js';
import type { Terminal } from '../terminal.js';

interface Attempt {
  readonly attemptId: string;
  readonly leadId: string;
  readonly at: string;
  readonly trigger: string;
  readonly actor: string | null;
  readonly givenReason: string | null;
  readonly workflowId: string | null;
  readonly outcome: string;
  readonly reason: string | null;
  readonly picks: readonly { readonly contractId: string; readonly overridden?: readonly string[] }[];
}

/** Filters by the names of the API; what is not given is not filtered. */
export const historyFilters = [
  'from', 'to', 'trigger', 'by', 'actor', 'outcome', 'reason', 'campaign', 'workflow', 'lead', 'contract', 'client',
] as const;
export type HistoryFilter = Readonly<Partial<Record<(typeof historyFilters)[number], string | undefined>>>;

interface Shown { readonly limit: number; readonly json: boolean }

/** Lists distribution attempts by the system and by people, newest first. */
export async function history(api: Api, filter: HistoryFilter, { limit, json }: Shown, terminal: Terminal): Promise<void> {
  const list = await rowsOf<Attempt>(api, '/v1/attempts', filter, limit, 200);
  const found = list.rows;
  if (json) {
    for (const attempt of found) terminal.out(JSON.stringify(attempt));
    return;
  }
  if (found.length === 0) { terminal.line('There is no attempt like that.'); return; }
  const rows = found.map((attempt) => [
    attempt.at.slice(0, 19).replace('T', ' '), attempt.leadId, attempt.trigger, attempt.actor ?? '', outcomeOf(attempt),
  ]);
  for (const line of table([{ title: 'at' }, { title: 'lead' }, { title: 'trigger' }, { title: 'by' }, { title: 'outcome' }], rows)) terminal.out(line);
  sayMore(list, limit, terminal);
}

function outcomeOf({ outcome, picks, reason, givenReason }: Attempt): string {
  const passedOver = [...new Set(picks.flatMap(({ overridden }) => overridden ?? []))];
  const why = givenReason ? `; "${givenReason}"` : '';
  if (outcome !== 'distributed') return `nobody: ${reason ?? ''}${why}`;
  return `${picks.map(({ contractId }) => contractId).join(', ')}${passedOver.length > 0 ? ` past ${passedOver.join(', ')}` : ''}${why}`;
}
