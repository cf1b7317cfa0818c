/** Changes for a recipient of a push strategy that did not get a lead: its caps, its weight, how long ago it may have been active. */
import { formatDuration } from '@sluice/kernel';
import { CAP_WORD, type Change, type Trial } from './changes.js';
import type { Caps, PushStrategy } from './document.js';
import { smallest } from './ranking-changes.js';

const MINUTE_MS = 60_000;
const WEIGHT_MAX = 1_000_000;

/** The verdict of a recipient names the strategy as its client. */
export function* recipientChanges(trial: Trial): Iterable<Change> {
  const { loser: { contractId: to, clientId: id, code, gates: [gate] }, bodies } = trial;
  const strategy = bodies.get(`pushStrategy|${id}`)?.body as PushStrategy | undefined;
  const place = strategy?.recipients.findIndex((recipient) => recipient.to === to) ?? -1;
  if (!strategy || place < 0) return;
  const own = (path: string, value: unknown, words: string): Change => ({ kind: 'pushStrategy', id, path, to: value, words });
  const { caps, weight = 0 } = strategy.recipients[place]!;
  if (gate === undefined && (strategy.method === 'weighted' || code === 'no_weight')) {
    const change = (value: number) => own(`recipients.${place}.weight`, value, `weight of ${to} ≥ ${value}`);
    const found = smallest(trial, Math.floor(weight) + 1, WEIGHT_MAX, change);
    if (found) yield found;
  }
  if (gate?.startsWith('cap_')) yield* capChanges(trial, caps, strategy.caps, place, own);
  if (gate === 'not_active') yield* presenceChange(trial, own);
}

type Own = (path: string, value: unknown, words: string) => Change;

function* capChanges({ loser }: Trial, caps: Caps | undefined, shared: Caps | undefined, place: number, own: Own): Iterable<Change> {
  const { limit, contractId, clientId } = loser;
  if (limit?.metric !== 'count' || !(limit.window in CAP_WORD)) return;
  const window = limit.window as keyof typeof CAP_WORD;
  const isShared = limit.id === clientId;
  const path = `${isShared ? '' : `recipients.${place}.`}caps.${window}`;
  const nested = typeof (isShared ? shared : caps)?.[window] === 'object' ? '.count' : '';
  yield own(path + nested, limit.used + 1,
    `${CAP_WORD[window]} cap of ${isShared ? `strategy ${clientId}` : contractId} ${limit.limit} → ${limit.used + 1}`);
}

/** As long ago as it was seen; who was never seen, or is a branch, is helped by no length. */
function* presenceChange({ loser: { contractId, clientId }, moment: { market, state, now } }: Trial, own: Own): Iterable<Change> {
  const seen = state.get(`seen|${contractId}`);
  const within = market.strategies.get(clientId)?.body.onlyActiveWithin;
  if (seen === 0 || within === undefined) return;
  const enough = formatDuration(Math.ceil((now - seen) / MINUTE_MS) * MINUTE_MS);
  yield own('onlyActiveWithin', enough, `active within ${within} → ${enough}`);
}
