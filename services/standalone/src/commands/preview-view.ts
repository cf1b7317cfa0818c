import type { Terminal } from '../terminal.js';

/** What a distribution by hand would do right now. */
export interface Preview {
  readonly leadId: string;
  readonly reason: string | null;
  readonly picks: readonly { readonly contractId: string; readonly priceMinor: string; readonly overridden: readonly string[] }[];
  readonly minimumsMet: boolean;
  readonly contracts: readonly {
    readonly contractId: string;
    readonly code: string;
    readonly words: string;
    readonly withOverride: { readonly gates: readonly string[]; readonly picked: boolean } | null;
  }[];
}

export function showPreview(preview: Preview, terminal: Terminal): void {
  for (const { contractId, code, words, withOverride } of preview.contracts) {
    terminal.out(`${code === 'picked' ? '✓' : '✗'} ${words}`);
    if (withOverride?.picked) terminal.out(`  with ${withOverride.gates.map((gate) => `--override ${gate}`).join(' ')} and a --reason ${contractId} would get it`);
  }
  if (preview.contracts.length === 0) terminal.out(`nobody would get it: ${preview.reason ?? ''}`);
  if (!preview.minimumsMet && preview.picks.length > 0) terminal.out('The minimums of the workflow are not met.');
  terminal.line('This is a preview; nothing was asked for.');
}
