/** Every scenario file: those of this library, and the shared acceptance files where they lie beside the repository. */
import { describe, expect, it, jest } from '@jest/globals';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { simulate } from './simulate.js';
import type { Scenario } from './scenario.js';

// A pure library knows no package; only this spec reads files, and in their own form.
const { parse } = jest.requireActual<typeof import('yaml')>('yaml');

const root = join(__dirname, '../../..');
const folders = [join(__dirname, '../scenarios'), join(root, '../shared/conformance')].filter((folder) => existsSync(folder));
const files = folders.flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith('.yaml')).sort()
  .map((name) => join(folder, name)));

describe('scenarios', () => {
  it.each(files.map((file) => [file.split('/').slice(-2).join('/'), file]))('%s holds', (_, file) => {
    const scenario = parse(readFileSync(file, 'utf8'), { version: '1.2' }) as Scenario;
    expect(simulate(scenario, { regex: (pattern) => new RegExp(pattern, 'iu') }).failures).toEqual([]);
  });
});
