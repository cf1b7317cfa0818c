import type { Api } from '../api.js';
import { rowsOf, sayMore } from './pages-of.js';
import { table } from '../table.js';
import type { Terminal } from '../terminal.js';

interface Window {
  readonly leadId: string;
  readonly campaignId: string;
  readonly state: string;
  readonly openedAt: string;
  readonly every: string;
  readonly expiresAt: string;
  readonly nextTryAt: string | null;
  readonly waitsOn: readonly string[] | null;
  readonly reasons: readonly (string | { readonly reason: string; readonly count: number })[] | null;
}

interface WholeWindow extends Window {
  readonly history: readonly { readonly what: string; readonly at: string; readonly actor: string | null }[];
}

export interface WindowFilter {
  readonly state?: string | undefined;
  readonly campaign?: string | undefined;
  readonly limit: number;
  readonly json: boolean;
}

/** Lists windows, those of the newest leads first. */
export async function windows(api: Api, { state, campaign, limit, json }: WindowFilter, terminal: Terminal): Promise<void> {
  const list = await rowsOf<Window>(api, '/v1/windows', { state, campaign }, limit, 500);
  const data = list.rows;
  if (json) {
    for (const window of data) terminal.out(JSON.stringify(window));
    return;
  }
  if (data.length === 0) { terminal.line('There is no window like that.'); return; }
  const rows = data.map((each) => [
    each.leadId, each.campaignId, each.state, short(each.openedAt), short(each.nextTryAt), short(each.expiresAt), reasonsOf(each),
  ]);
  for (const line of table([
    { title: 'lead' }, { title: 'campaign' }, { title: 'state' }, { title: 'opened' }, { title: 'next try' }, { title: 'until' }, { title: 'because of' },
  ], rows)) terminal.out(line);
  sayMore(list, limit, terminal);
}

const ACTIONS = ['show', 'open', 'pause', 'resume', 'stop', 'edit'] as const;
export type WindowAction = (typeof ACTIONS)[number];

export function isWindowAction(text: string): text is WindowAction {
  return (ACTIONS as readonly string[]).includes(text);
}

export interface WindowTerms {
  readonly length?: string | undefined;
  readonly every?: string | undefined;
}

/** Does something to a lead's window, or shows it, with who did what to it. */
export async function window(api: Api, leadId: string, action: WindowAction, terms: WindowTerms, terminal: Terminal): Promise<void> {
  const given = Object.entries(terms).find(([, value]) => value !== undefined);
  if (given && action !== 'open' && action !== 'edit') throw new Error(`--${given[0]} is of open and edit alone; to ${action} a window takes none.`);
  const path = `/v1/leads/${encodeURIComponent(leadId)}/window`;
  if (action === 'open') await api.call('POST', path, { body: terms });
  else if (action === 'edit') await api.call('PATCH', path, { body: terms });
  else if (action !== 'show') await api.call('POST', `${path}/${action}`);
  const whole = await api.call<WholeWindow>('GET', path);
  const next = whole.nextTryAt ? `; next try ${short(whole.nextTryAt)}` : '';
  terminal.out(`${whole.leadId}  ${whole.state}, every ${whole.every} until ${short(whole.expiresAt)}${next}`);
  const because = reasonsOf(whole);
  if (because) terminal.out(`  nobody got it at the last try, because of ${because}`);
  for (const { what, at, actor } of whole.history) terminal.out(`  ${short(at)}  ${what.padEnd(10)} ${actor ?? ''}`.trimEnd());
}

const short = (instant: string | null) => (instant === null ? '' : instant.slice(0, 19).replace('T', ' '));

function reasonsOf({ reasons }: Window): string {
  return (reasons ?? []).map((each) => (typeof each === 'string' ? each : `${each.reason} ${each.count}`)).join(', ');
}
