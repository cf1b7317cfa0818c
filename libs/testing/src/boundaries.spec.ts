import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';

const root = path.join(__dirname, '../../..');
const node = (args: readonly string[], input = '') =>
  spawnSync(process.execPath, [...args], { cwd: root, input, encoding: 'utf8', env: { ...process.env, NX_DAEMON: 'false' } });

/** What the linter says of a file that is not there: the text comes by standard input, under a name that has a project. */
function lint(file: string, text: string): { status: number | null; said: string } {
  const { status, stdout, stderr } = node(['node_modules/eslint/bin/eslint.js', '--stdin', '--stdin-filename', file], text);
  return { status, said: stdout + stderr };
}

describe('the boundaries between projects', () => {
  // Without the graph of the projects the rule is skipped with a warning and exit status 0: a green that means nothing.
  beforeAll(() => {
    const graph = node(['node_modules/nx/dist/bin/nx.js', 'show', 'projects']);
    if (graph.status !== 0) throw new Error(`nx does not know the projects:\n${graph.stdout}${graph.stderr}`);
  }, 120_000);

  it.each([
    ['a service that imports another service', 'services/intake/src/fixture.service.ts', `import { WorkflowModule } from '@sluice/workflow';\nexport const used = WorkflowModule;\n`, 'enforce-module-boundaries'],
    ['a pure library that imports a package', 'libs/distribution/src/fixture.ts', `import pg from 'pg';\nexport const used = pg;\n`, 'enforce-module-boundaries'],
    ['a library with a door to the world that imports a service', 'libs/runtime/src/fixture.ts', `import { IntakeModule } from '@sluice/intake';\nexport const used = IntakeModule;\n`, 'enforce-module-boundaries'],
    ['a pure library that reads the clock', 'libs/distribution/src/fixture.ts', 'export const now = Date.now();\n', 'no-restricted-properties'],
    ['a pure file of a service that asks the file system', 'services/delivery/src/fixture.ts', `import { readFileSync } from 'node:fs';\nexport const used = readFileSync;\n`, 'no-restricted-imports'],
  ])('refuse %s', (_, file, text, rule) => {
    const { status, said } = lint(file, text);
    expect(said).toContain(rule);
    expect(status).toBe(1);
  });

  it('let a composition root import services', () => {
    expect(lint('services/standalone/src/fixture.ts', `import { IntakeModule } from '@sluice/intake';\nexport const used = IntakeModule;\n`)).toEqual({ status: 0, said: '' });
  });
});
