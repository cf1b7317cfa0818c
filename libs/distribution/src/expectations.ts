/** What a scenario expects, against what came of it. */
import type { Expectations, Failure, SummaryLine } from './scenario.js';
import { Simulation } from './simulation.js';

/** Every expectation that does not hold, with what was expected and what there is. */
export function check(expect: Expectations, simulation: Simulation, { summary }: SummaryLine): Failure[] {
  const failures: Failure[] = [];
  const compare = (what: string, expected: unknown, got: unknown) => {
    if (JSON.stringify(expected) !== JSON.stringify(got)) failures.push({ what, expected, got });
  };
  for (const [lead, expected] of Object.entries(expect.assigned ?? {})) {
    const track = simulation.tracks.get(lead);
    compare(`assigned.${lead}`, expected, track ? Simulation.assigned(track).map(({ contractId }) => contractId) : null);
  }
  for (const [lead, reasons] of Object.entries(expect.refused ?? {})) {
    const codes = simulation.tracks.get(lead)?.last?.codes;
    for (const [contract, expected] of Object.entries(reasons)) {
      compare(`refused.${lead}.${contract}`, expected, codes?.get(contract) ?? null);
    }
  }
  for (const [contract, expected] of Object.entries(expect.counts ?? {})) compare(`counts.${contract}`, expected,
    summary.counts[contract] ?? 0);
  for (const [lead, expected] of Object.entries(expect.windows ?? {})) compare(`windows.${lead}`, expected, summary.windows[lead] ?? null);
  for (const [lead, expected] of Object.entries(expect.unsold ?? {})) compare(`unsold.${lead}`, expected, summary.unsold[lead] ?? null);
  return failures;
}
