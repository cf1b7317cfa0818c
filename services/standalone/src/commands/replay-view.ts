import type { ReplayContract, ReplayReport } from '@sluice/distribution';
import { amount, bar, count, percent, signed, signedAmount, table } from '../table.js';
import type { Terminal } from '../terminal.js';

export interface ReplayShown {
  readonly from: string;
  readonly to: string;
  readonly config: string;
  readonly baseline: 'happened' | 'current';
  /** Contracts that are shown. */
  readonly top: number;
}

const right = true;

/** The report of a replay for people: all, then contract by contract with the biggest movers first, then why leads stay unsold. */
export function showReplay(report: ReplayReport, shown: ReplayShown, terminal: Terminal): void {
  const [was, is] = [shown.baseline === 'happened' ? 'happened' : 'now', 'would'];
  const say = (line = '') => terminal.out(line);
  const warmed = report.warmed > 0 ? `; ${count(report.warmed)} before them count as they were sold` : '';
  say(terminal.bold(`${count(report.leads)} leads from ${day(shown.from)} to ${day(shown.to)}, through ${shown.config}${warmed}.`));
  say();
  for (const line of totals(report, was, is)) say(line);
  say();
  say(`  ${count(report.moved)} of the leads (${percent(report.leads === 0 ? 0 : report.moved / report.leads)}) would have gone to others.`);
  say();
  for (const line of contracts(report, shown.top)) say(line);
  const unsold = reasons(report, was, is);
  if (unsold.length > 0) say();
  for (const line of unsold) say(line);
}

const day = (instant: string) => instant.slice(0, 16).replace('T', ' ').replace(' 00:00', '');

function totals({ before, after, difference, currency }: ReplayReport, was: string, is: string): string[] {
  return table([{ title: '' }, { title: was, right }, { title: is, right }, { title: 'difference', right }], [
    ['sold leads', count(before.sold), count(after.sold), signed(difference.sold)],
    ['unsold leads', count(before.unsold), count(after.unsold), signed(after.unsold - before.unsold)],
    ['given to contracts', count(before.assigned), count(after.assigned), signed(difference.assigned)],
    [`turnover ${currency}`, amount(before.turnover), amount(after.turnover), signedAmount(difference.turnover)],
  ]);
}

function contracts({ contracts: all }: ReplayReport, top: number): string[] {
  const most = Math.max(...all.map(({ turnover }) => Math.abs(Number(turnover))), 0);
  const rows = all.slice(0, top).map((row) => [
    row.contractId, count(row.before.leads), count(row.after.leads), signed(row.leads),
    amount(row.before.turnover), amount(row.after.turnover), signedAmount(row.turnover),
    percent(row.before.share), percent(row.after.share), moved(row, most), mainReason(row),
  ]);
  const columns = [
    { title: 'contract' }, { title: 'leads', right }, { title: '→', right }, { title: '±', right }, { title: 'turnover', right },
    { title: '→', right }, { title: '±', right }, { title: 'share', right }, { title: '→', right }, { title: '' },
    { title: 'would not get because of' },
  ];
  const left = all.length - rows.length;
  return [...table(columns, rows), ...(left > 0 ? [`  and ${count(left)} contracts that move less (--top ${all.length} shows all)`] : [])];
}

/** The movement of its turnover: losses to the left of the line, gains to the right. */
function moved({ turnover }: ReplayContract, most: number): string {
  const share = most === 0 ? 0 : Math.abs(Number(turnover)) / most;
  const cells = Math.round(share * 8);
  return Number(turnover) < 0 ? `${'█'.repeat(cells).padStart(8)}│` : `${' '.repeat(8)}│${bar(share, 8)}`.padEnd(17);
}

/** Why it did not get leads that its criteria let in, in the changed configuration. */
function mainReason({ after }: ReplayContract): string {
  return Object.entries(after.reasons ?? {}).slice(0, 2).map(([code, times]) => `${code} ${count(times)}`).join(', ');
}

function reasons({ before, after }: ReplayReport, was: string, is: string): string[] {
  const codes = [...new Set([...Object.keys(before.reasons), ...Object.keys(after.reasons)])];
  if (codes.length === 0) return [];
  const rows = codes.map((code) => [before.reasons[code] ?? 0, after.reasons[code] ?? 0, code] as const)
    .sort((a, b) => Math.max(b[0], b[1]) - Math.max(a[0], a[1]))
    .map(([one, two, code]) => [code, count(one), count(two), signed(two - one)]);
  return table([{ title: 'unsold because of' }, { title: was, right }, { title: is, right }, { title: '±', right }], rows);
}
