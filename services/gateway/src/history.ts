/**
 * What a row keeps as text because it may happen more than once: a lead's attempts, an outbound lead's releases and lost answers. One line
 * each, in characters that neither an array literal nor a line needs to escape: there are millions of them.
 */
import { isMoment } from './moments.js';
import { word } from './word.js';

export interface Attempt {
  readonly attemptId: string;
  readonly trigger: string;
  readonly round: number;
  /** Epoch milliseconds. */
  readonly at: number;
  /** Why nobody was picked. */
  readonly reason?: string | undefined;
  readonly picks: readonly { readonly outboundLeadId?: string | undefined; readonly contractId?: string | undefined }[];
  /** Where it is not the lead's own. */
  readonly traceId?: string | undefined;
  /** Who asked for it, and by which request. */
  readonly actor?: string | undefined;
  readonly requestId?: string | undefined;
  /** Nobody was there for it: it waits. */
  readonly held?: boolean | undefined;
}

export interface OutboundMoment {
  readonly what: 'released' | 'unresolved';
  readonly at: number;
  readonly reason: string;
  readonly attempts: number;
}

const timeOf = (text: string) => parseInt(text, 36);

export function attemptLine({ attemptId, trigger, round, at, reason, picks, traceId, actor, requestId, held }: Attempt): string {
  const picked = picks.map((pick) => `${word(pick.outboundLeadId ?? '')}:${word(pick.contractId ?? '')}`).join('+');
  // Most attempts are the system's own, and there are millions of them.
  const more = actor || requestId || held ? `|${word(actor ?? '')}|${word(requestId ?? '')}|${held ? 'held' : ''}` : '';
  return `${word(attemptId)}|${word(trigger)}|${round}|${at.toString(36)}|${word(reason ?? '')}|${picked}|${traceId ?? ''}${more};`;
}

export function attemptsOf(history: string): Attempt[] {
  return history.split(';').filter((line) => line !== '' && !isMoment(line)).map((line) => {
    const [attemptId = '', trigger = '', round = '0', at = '0', reason = '', picked = '', traceId = '', actor = '', requestId = '', held = ''] = line.split('|');
    const picks = picked.split('+').filter(Boolean).map((pick) => {
      const [outboundLeadId = '', contractId = ''] = pick.split(':').map(decodeURIComponent);
      return { outboundLeadId, contractId };
    });
    return {
      attemptId: decodeURIComponent(attemptId), trigger: decodeURIComponent(trigger), round: Number(round), at: timeOf(at),
      reason: decodeURIComponent(reason) || undefined, picks, traceId: traceId || undefined, actor: decodeURIComponent(actor) || undefined,
      requestId: decodeURIComponent(requestId) || undefined, held: held === 'held',
    };
  });
}

export function outboundLine({ what, at, reason, attempts }: OutboundMoment): string {
  return `${what}|${at.toString(36)}|${word(reason)}|${attempts};`;
}

export function momentsOf(history: string): OutboundMoment[] {
  return history.split(';').filter(Boolean).map((line) => {
    const [what, at = '0', reason = '', attempts = '0'] = line.split('|');
    return { what: what === 'released' ? 'released' : 'unresolved', at: timeOf(at), reason: decodeURIComponent(reason), attempts: Number(attempts) };
  });
}
