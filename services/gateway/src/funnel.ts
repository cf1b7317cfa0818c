/** The funnel: how many leads came to each stage, and why others did not. */
import type { FunnelRow } from './leads.store.js';

export interface Funnel {
  readonly received: number;
  readonly decided: number;
  readonly distributed: number;
  readonly unsold: number;
  /** Leads that wait now, since nobody was there for them. */
  readonly held: number;
  /** Leads whose windows are open or paused now: they are tried again. */
  readonly waiting: number;
  readonly reserved: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly failed: number;
  readonly unresolved: number;
  readonly withdrawn: number;
  /** Accepted and given back since; among the accepted they still count. */
  readonly returned: number;
  /** Leads turned away by intake, by reason. */
  readonly refused: Readonly<Record<string, number>>;
  /** Leads that nobody got on arrival, by the top reason. */
  readonly unsoldBy: Readonly<Record<string, number>>;
}

export function funnelOf(rows: readonly FunnelRow[]): Funnel {
  const of = (stage: string) => Math.max(0, rows.filter((row) => row.stage === stage).reduce((sum, row) => sum + row.count, 0));
  const by = (stage: string) => Object.fromEntries(rows.filter((row) => row.stage === stage && row.count > 0)
    .sort((a, b) => b.count - a.count).map((row) => [row.reason, row.count]));
  return {
    received: of('received'), decided: of('decided'), distributed: of('distributed'), unsold: of('unsold'), held: of('held'), waiting: of('waiting'),
    reserved: of('reserved'), accepted: of('accepted'), rejected: of('rejected'), failed: of('failed'), unresolved: of('unresolved'), withdrawn: of('withdrawn'),
    returned: of('returned'),
    refused: by('refused'), unsoldBy: by('unsold'),
  };
}
