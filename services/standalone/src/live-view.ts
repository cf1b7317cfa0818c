import type { Funnel } from '@sluice/gateway';
import type { Api } from './api.js';
import type { DemoReceipts } from './demo/endpoint.js';
import type { Terminal } from './terminal.js';

const number = (value: number) => value.toLocaleString('en').padStart(9);

/** What happened so far, as lines of a fixed number, so that they can be drawn over. */
export function funnelLines(funnel: Funnel, rate: number, receipts: DemoReceipts | undefined, terminal: Terminal): string[] {
  const most = Math.max(1, funnel.received);
  const bar = (value: number) => '█'.repeat(Math.round((28 * value) / most));
  const reasons = Object.entries({ ...funnel.refused, ...funnel.unsoldBy }).sort((a, b) => b[1] - a[1]).slice(0, 4);
  const waiting = Math.max(0, funnel.reserved - funnel.accepted - funnel.rejected - funnel.failed - funnel.unresolved);
  const got = receipts ? [...receipts.byClient.values()].reduce((sum, ids) => sum + ids.size, 0) : undefined;
  return [
    '',
    `${terminal.bold('Leads in     ')} ${number(funnel.received)}  ${bar(funnel.received)}  ${terminal.dim(`${rate.toFixed(1)}/s`)}`,
    `${terminal.bold('Decided      ')} ${number(funnel.decided)}  ${bar(funnel.decided)}`,
    `${terminal.bold('  distributed')} ${number(funnel.distributed)}  ${bar(funnel.distributed)}`,
    `${terminal.bold('  nobody     ')} ${number(funnel.unsold)}  ${bar(funnel.unsold)}  ${terminal.dim(reasons.map(([reason, count]) => `${reason} ${count}`).join(', '))}`,
    `${terminal.bold('  waiting now')} ${number(funnel.waiting + funnel.held)}  ${bar(funnel.waiting + funnel.held)}  ${terminal.dim(waitsOf(funnel))}`,
    `${terminal.bold('Outbound     ')} ${number(funnel.reserved)}`,
    `${terminal.bold('  accepted   ')} ${number(funnel.accepted)}  ${bar(funnel.accepted)}${got === undefined ? '' : terminal.dim(`  the clients' own logs hold ${got.toLocaleString('en')}`)}`,
    `${terminal.bold('  rejected   ')} ${number(funnel.rejected)}  ${bar(funnel.rejected)}`,
    `${terminal.bold('  on its way ')} ${number(waiting)}  ${bar(waiting)}  ${terminal.dim(funnel.unresolved ? `${funnel.unresolved} unresolved` : '')}`,
  ];
}

function waitsOf({ waiting, held }: Funnel): string {
  const windows = `${waiting.toLocaleString('en')} in windows, tried again as soon as somebody can take them`;
  return `${windows}; ${held.toLocaleString('en')} held until a user is there`;
}

/** Draws the funnel until it is stopped: twice a second on a terminal, a line every five seconds elsewhere. */
export function showLive(api: Api, receipts: DemoReceipts | undefined, terminal: Terminal): { stop(): void } {
  let drawn = 0;
  let last = { received: 0, at: performance.now() };
  let stopped = false;
  const tick = async () => {
    const funnel = await api.call<Funnel>('GET', '/v1/funnel').catch(() => undefined);
    if (funnel && !stopped) {
      const at = performance.now();
      const rate = (1_000 * (funnel.received - last.received)) / Math.max(1, at - last.at);
      last = { received: funnel.received, at };
      if (terminal.interactive) drawn = terminal.redraw(funnelLines(funnel, rate, receipts, terminal), drawn);
      else {
        const { received, decided, distributed, unsold, accepted, rejected, waiting, held } = funnel;
        terminal.line(`leads in ${received}, decided ${decided} (distributed ${distributed}, nobody ${unsold}), waiting ${waiting + held}, delivered ${accepted}, turned down ${rejected}`);
      }
    }
    if (!stopped) timer = setTimeout(tick, terminal.interactive ? 500 : 5_000);
  };
  let timer = setTimeout(tick, 1_500);
  return { stop: () => { stopped = true; clearTimeout(timer); } };
}
