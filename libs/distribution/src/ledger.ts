/**
 * What became of a simulation's leads, added up. A lead that nothing more can become of, and that no later step or expectation names, is
 * let go as soon as it is added: a run of a million leads keeps the few that wait.
 */
import type { Scenario, ScenarioStep, SummaryLine } from './scenario.js';
import { Simulation, type Track } from './simulation.js';

interface Told { readonly place: number; readonly window?: string; readonly reason?: string }

export class Ledger {
  private readonly counts: Record<string, number> = {};
  private turnoverMinor = 0n;
  /** By lead, of those that have a window or that nobody has. */
  private readonly told = new Map<string, Told>();
  private readonly places = new Map<string, number>();
  private readonly waiting = new Set<Track>();

  constructor(private readonly simulation: Simulation, private readonly named: ReadonlySet<string>) {}

  /** A lead came in. Throws RangeError where one of its id did before. */
  came(leadId: string): void {
    if (this.places.has(leadId)) throw new RangeError(`lead ${leadId} comes twice`);
    this.places.set(leadId, this.places.size);
  }

  /** It was tried: where that was all, it is added up. */
  settle(leadId: string): void {
    const track = this.simulation.tracks.get(leadId);
    if (!track || this.named.has(leadId)) return;
    if (this.simulation.waits(track)) this.waiting.add(track); else this.add(track);
  }

  /** Adds up what ended by itself meanwhile, and forgets buckets that are over. */
  sweep(): void {
    for (const track of this.waiting) if (!this.simulation.waits(track)) this.add(track);
    const { state, now } = this.simulation;
    state.takeDirty();
    state.sweep(now);
  }

  /** The sums over all leads, those that are still there included; `contracts` are told of even where they have none. */
  summary(contracts: readonly string[], format: (minor: bigint) => string): SummaryLine['summary'] {
    for (const track of [...this.simulation.tracks.values()]) this.count(track);
    const counts = { ...Object.fromEntries(contracts.map((id) => [id, 0])), ...this.counts };
    const leads = [...this.told].sort((a, b) => a[1].place - b[1].place);
    return {
      counts, turnover: format(this.turnoverMinor),
      windows: Object.fromEntries(leads.flatMap(([id, { window }]) => (window === undefined ? [] : [[id, window]]))),
      unsold: Object.fromEntries(leads.flatMap(([id, { reason }]) => (reason === undefined ? [] : [[id, reason]]))),
    };
  }

  private add(track: Track): void {
    this.waiting.delete(track);
    this.simulation.letGo(track);
    this.count(track);
  }

  private count(track: Track): void {
    const { leadId } = track.lead;
    const assigned = Simulation.assigned(track);
    for (const { contractId, price, state } of assigned) {
      if (state === 'reserved') continue;
      this.counts[contractId] = (this.counts[contractId] ?? 0) + 1;
      if (state !== 'returned') this.turnoverMinor += BigInt(price);
    }
    const [window, reason] = [track.window?.state, assigned.length === 0 ? track.last?.reason ?? undefined : undefined];
    if (window !== undefined || reason !== undefined) this.told.set(leadId, { place: this.places.get(leadId) ?? 0, window, reason });
  }
}

/** Leads that a step behind their arrival, or an expectation, asks for by name. */
export function namedLeads({ timeline = [], expect = {} }: Scenario): Set<string> {
  const named = new Set([...Object.keys(expect.assigned ?? {}), ...Object.keys(expect.refused ?? {})]);
  for (const step of timeline) {
    const id = leadIn(step);
    if (id !== undefined) named.add(id);
  }
  return named;
}

function leadIn(step: ScenarioStep): string | undefined {
  if ('distribute' in step) return step.distribute.lead;
  if ('cherryPick' in step) return step.cherryPick.lead;
  if ('return' in step) return step.return.lead;
  return 'window' in step ? step.window.lead : undefined;
}
