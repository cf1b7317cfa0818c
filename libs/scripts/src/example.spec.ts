import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { simulate, type Scenario } from '@sluice/distribution';
import { parse } from 'yaml';
import { Sandbox } from './sandbox.js';
import { Scripts } from './scripts.js';
import { testScript } from './test-script.js';

const docs = path.join(__dirname, '../../../docs');
const example = parse(readFileSync(path.join(docs, 'scripts.scenario.yaml'), 'utf8')) as Scenario;
const sandbox = new Sandbox();
const scripts = new Scripts(sandbox);
afterAll(() => scripts.stop());

describe('the example of the documents', () => {
  it('passes its own tests', () => {
    const [script] = example.config.scripts!;
    const { results } = testScript(sandbox, script!, example.config);
    expect(results).toHaveLength(4);
    expect(results.filter(({ passed }) => !passed)).toEqual([]);
  });

  it('does what it expects, twice the same to the byte, and not without somebody who runs scripts', () => {
    const first = simulate(example, { scripts });
    expect(first.failures).toEqual([]);
    expect(JSON.stringify(simulate(example, { scripts }).lines)).toBe(JSON.stringify(first.lines));
    expect(() => simulate(example)).toThrow(new RangeError('script roofs: nothing here runs scripts'));
  });

  it('stands in the text as it is run', () => {
    const text = readFileSync(path.join(docs, 'scripts.md'), 'utf8');
    const shown = /```js\n([\s\S]*?)```/.exec(text)?.[1];
    expect(shown).toBe(example.config.scripts![0]!.code);
  });
});
