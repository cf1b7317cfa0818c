import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { parseDuration, fromLocal } from '@sluice/kernel';
import { Replay, warmFrom, type ConfigDocument, type HistoryLine, type ScriptHost } from '@sluice/distribution';
import { linearRegex } from '@sluice/scripts';
import { faultLine, parseDocument } from '@sluice/workflow';
import type { Api } from '../api.js';
import type { Terminal } from '../terminal.js';
import { showReplay } from './replay-view.js';
import { refusedScripts, withScripts } from './scripts.js';
import { textOf, Unreadable } from './text-of.js';

export interface ReplayCommand {
  /** The changed configuration, a file. */
  readonly config: string;
  /** Instants, or dates in the zone of the configuration; until now where `to` is not given. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** How much of the past before `from` counts as it was; as much as the caps in use need where it is not given. */
  readonly warm?: string | undefined;
  /** An exported history instead of the running platform. */
  readonly history?: string | undefined;
  readonly campaign?: string | undefined;
  readonly baseline: 'happened' | 'current';
  readonly refusals: 'same' | 'rate';
  readonly json: boolean;
  readonly top: number;
}

const iso = (at: number) => new Date(at).toISOString();

interface Span { readonly from: number; readonly until: number; readonly since: number }

/** Runs leads of the past through another configuration, and says what differs. The exit status: 0 done, 2 a document is refused. */
export async function replay(asked: ReplayCommand, reach: () => Api, now: number, terminal: Terminal): Promise<0 | 2> {
  const document = await documentOf(asked.config, terminal);
  if (!document) return 2;
  const { campaign } = asked;
  if (campaign !== undefined && !document.campaigns?.some(({ id }) => id === campaign)) {
    throw new Error(`--campaign: there is no campaign "${campaign}" in ${asked.config}; there are ${(document.campaigns ?? []).map(({ id }) => id).join(', ') || 'none'}.`);
  }
  const span = spanOf(asked, document, now);
  return withScripts(async (scripts, sandbox) => {
    const refused = refusedScripts(document, sandbox);
    for (const fault of refused) terminal.line(`${asked.config}: ${fault}`);
    if (refused.length > 0) return 2;
    await run({ asked, document, span, scripts }, reach, terminal);
    return 0;
  });
}

interface Prepared {
  readonly asked: ReplayCommand;
  readonly document: ConfigDocument;
  readonly span: Span;
  readonly scripts: ScriptHost;
}

async function run({ asked, document, span, scripts }: Prepared, reach: () => Api, terminal: Terminal): Promise<void> {
  const { config, refusals } = asked;
  const api = asked.history && asked.baseline === 'happened' ? undefined : reach();
  try {
    const baseline = asked.baseline === 'current' ? await current(api!) : undefined;
    const began = performance.now();
    const through = new Replay({ document, baseline, from: span.from, until: span.until, refusals, regex: linearRegex, scripts });
    const lines = asked.history ? await historyIn(asked.history) : await api!.download(pathOf(asked, span));
    const read = await feed(through, lines as Readable, asked, span, terminal);
    const report = through.end();
    const seconds = (performance.now() - began) / 1_000;
    const period = { from: iso(span.from), to: iso(span.until) };
    if (asked.json) terminal.out(JSON.stringify({ ...period, config, baseline: asked.baseline, refusals, ...report }));
    else showReplay(report, { ...period, ...asked }, terminal);
    terminal.line(terminal.dim(`${read.toLocaleString('en')} leads in ${seconds.toFixed(1)} s.`));
  } finally {
    await api?.close();
  }
}

/** The lines of an exported history, as they are read; throws Unreadable. */
async function historyIn(file: string): Promise<Readable> {
  await access(file).catch((error: unknown) => { throw new Unreadable(file, error); });
  return createReadStream(file, { highWaterMark: 2 ** 20 });
}

function current(api: Api): Promise<ConfigDocument> {
  return api.call<ConfigDocument>('GET', '/v1/configuration', { headers: { accept: 'application/json' } });
}

async function documentOf(file: string, terminal: Terminal): Promise<ConfigDocument | undefined> {
  const parsed = parseDocument(await textOf(file));
  if (!parsed.faults) return parsed.document;
  for (const fault of parsed.faults) terminal.line(`${file}: ${faultLine(fault)}`);
  return undefined;
}

function spanOf({ from, to, warm, history }: ReplayCommand, document: ConfigDocument, now: number): Span {
  const zone = document.timezone ?? 'UTC';
  if (from === undefined && history === undefined) throw new Error('Say from when on with --from, for instance --from 2026-03-01.');
  const [first, until] = [from === undefined ? 0 : instantOf('--from', from, zone), to === undefined ? now : instantOf('--to', to, zone)];
  if (until <= first) throw new Error(`--to is not after --from: ${to ?? 'now'} and ${from}.`);
  return { from: first, until, since: warm === undefined ? warmFrom(document, first) : Math.max(0, first - durationOf('--warm', warm)) };
}

function durationOf(option: string, text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new Error(`${option}: ${(error as Error).message}`);
  }
}

function instantOf(option: string, text: string, zone: string): number {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(text) ? fromLocal(text, '00:00', zone) : Date.parse(text);
  if (Number.isNaN(at)) throw new Error(`${option}: expected a date or an instant such as 2026-03-01 or 2026-03-01T09:00:00Z, got "${text}".`);
  return at;
}

function pathOf({ campaign }: ReplayCommand, { since, until }: Span): string {
  const query = new URLSearchParams({ from: iso(since), to: iso(until), ...(campaign && { campaign }) });
  return `/v1/history?${query.toString()}`;
}

/** Line by line, so that memory holds none of it but the leads that still wait. */
async function feed(run: Replay, lines: Readable, { campaign }: ReplayCommand, span: Span, terminal: Terminal): Promise<number> {
  const { since, until } = span;
  const bar = terminal.progress('leads');
  let read = 0;
  let first = 0;
  for await (const text of createInterface({ input: lines, crlfDelay: Infinity })) {
    if (!text) continue;
    const line = lineOf(text, read + 1);
    const { receivedAt, campaignId } = line.lead;
    if (receivedAt < since || receivedAt >= until || (campaign !== undefined && campaignId !== campaign)) continue;
    first ||= receivedAt;
    run.take(line);
    // How many are to come nobody knows; how much of the time has passed is known.
    if (++read % 500 === 0) bar.update(read, (receivedAt - first) / (until - first));
  }
  bar.update(read, 1);
  bar.end();
  return read;
}

function lineOf(text: string, number: number): HistoryLine {
  try {
    return JSON.parse(text) as HistoryLine;
  } catch (error) {
    throw new Error(`line ${number} of the history cannot be read: ${(error as Error).message}`);
  }
}
