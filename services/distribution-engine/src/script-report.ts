/** What a script did, or in shadow would have done, out of what was counted. */
import type { CountRow, ExampleRow } from './scripts.store.js';

export interface ScriptReport {
  readonly id: string;
  readonly versions: readonly VersionReport[];
  /** Microseconds that a call took in the answering process since it started; null where it ran none. */
  readonly microseconds: { readonly p50: number | null; readonly p99: number | null };
  /** The newest leads that it would have sent elsewhere. */
  readonly examples: readonly { readonly leadId: string; readonly attemptId: string; readonly version: number; readonly at: string;
    readonly lost: readonly string[]; readonly won: readonly string[] }[];
}

interface VersionReport {
  readonly version: number;
  /** Attempts that it was asked in, by what became of it; those it stood aside in, by why; those it failed in, by why. */
  readonly applied: number;
  readonly shadow: number;
  readonly differed: number;
  readonly notTriggered: Readonly<Record<string, number>>;
  readonly failed: Readonly<Record<string, number>>;
  /** In shadow: leads that each contract would have lost and won. */
  readonly contracts: readonly { readonly contractId: string; readonly lost: number; readonly won: number }[];
}

export function reportOf(
  id: string, counts: readonly CountRow[], examples: readonly ExampleRow[], microseconds: ScriptReport['microseconds'],
): ScriptReport {
  const versions = [...new Set(counts.map(({ version }) => version))].sort((a, b) => b - a);
  return {
    id, versions: versions.map((version) => versionOf(version, counts.filter((row) => row.version === version))), microseconds,
    examples: examples.map((example) => ({ ...example, at: new Date(example.at).toISOString() })),
  };
}

function versionOf(version: number, counts: readonly CountRow[]): VersionReport {
  const of = (what: string) => counts.find((row) => row.what === what)?.count ?? 0;
  const byReason = (status: string) => Object.fromEntries(counts.filter(({ what }) => what.startsWith(`${status} `))
    .map(({ what, count }) => [what.slice(status.length + 1), count]));
  const contracts = [...new Set(counts.flatMap(({ contractId }) => (contractId === '' ? [] : [contractId])))].sort();
  const moved = (what: string, contractId: string) => counts.find((row) => row.what === what && row.contractId === contractId)?.count ?? 0;
  return {
    version, applied: of('applied'), shadow: of('shadow'), differed: of('differed'), notTriggered: byReason('notTriggered'),
    failed: byReason('failed'),
    contracts: contracts.map((contractId) => ({ contractId, lost: moved('lost', contractId), won: moved('won', contractId) })),
  };
}
