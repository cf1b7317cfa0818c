interface Describe {
  (name: string, body: () => void): void;
  skip: Describe;
}

interface Globals {
  readonly describe: Describe;
  readonly it: (name: string, body: () => void) => void;
}

/**
 * `describe`, unless there is a reason why not: then one loud line and skipped tests, or a test that fails with the reason where it is
 * required.
 */
export function conditionally(name: string, body: () => void, whyNot: string | undefined, required: boolean): void {
  const { describe, it } = globalThis as unknown as Globals;
  if (whyNot === undefined) return describe(name, body);
  if (required) {
    return describe(name, () => it('has the server it needs', () => {
      throw new Error(`Required, but: ${whyNot}`);
    }));
  }
  process.stderr.write(`\n!!! SKIPPED: ${name} — ${whyNot}\n\n`);
  describe.skip(name, body);
}
