/** How far back a replay must know what was sold, so that at its first lead everything has used up what it had. */
import { DAY_MS, fromLocal, localDate, parseDuration } from '@sluice/kernel';
import type { Caps, ConfigDocument } from './document.js';

/** Zones differ by more than a day; what is known too much of does no harm. */
const SLACK_MS = 2 * DAY_MS;

/**
 * The instant from which on the past bears on a replay from `from` (epoch ms): the start of the month; where something counts without an
 * end (total caps, orders, free leads, credit), 0; where contracts look back for persons, so far.
 */
export function warmFrom(document: ConfigDocument, from: number): number {
  const { clients = [], contracts = [], campaigns = [], groups = [], pushStrategies = [], orders = [] } = document;
  const recipients = pushStrategies.flatMap((strategy) => strategy.recipients);
  const capped: readonly { caps?: Caps }[] = [...clients, ...contracts, ...campaigns, ...groups, ...pushStrategies, ...recipients];
  const caps = capped.map((each) => each.caps);
  const endless = orders.length > 0 || caps.some((each) => each?.total !== undefined) || contracts.some(({ trial }) => trial !== undefined)
    || clients.some(({ creditLimit }) => creditLimit !== undefined);
  if (endless) return 0;
  const month = fromLocal(`${localDate(from, document.timezone ?? 'UTC').slice(0, 7)}-01`, '00:00', document.timezone ?? 'UTC');
  const lookBacks = contracts.map(({ duplicateLookBack }) => (duplicateLookBack === undefined ? 0 : parseDuration(duplicateLookBack)));
  const weekly = caps.some((each) => each?.week !== undefined) ? 7 * DAY_MS : 0;
  return Math.max(0, Math.min(month, from - Math.max(weekly, 0, ...lookBacks)) - SLACK_MS);
}
