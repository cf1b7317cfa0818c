import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';

/** House style that a machine can see, but for what ESLint and the compiler say already (any, console, long lines, boundaries). */

const root = path.join(__dirname, '../../..');
const read = (file: string) => fs.readFileSync(path.join(root, file), 'utf8');
const folders = (parent: string) => fs.readdirSync(path.join(root, parent)).filter((name) => fs.existsSync(path.join(root, parent, name, 'package.json')));
const projects = [...folders('libs').map((name) => `libs/${name}`), ...folders('services').map((name) => `services/${name}`)];

function filesOf(folder: string): string[] {
  if (!fs.existsSync(path.join(root, folder))) return [];
  return fs.readdirSync(path.join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const inner = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === 'gen' || entry.name === 'dist' ? [] : filesOf(inner);
    return inner.endsWith('.ts') && !inner.endsWith('.d.ts') ? [inner] : [];
  });
}

const files = projects.flatMap((project) => filesOf(`${project}/src`));
/** Code that runs in production; the rest are tests and measurements. */
const product = files.filter((file) => !/\.(spec|suite|bench)\.ts$/.test(file));
const sources = new Map(files.map((file) => [file, read(file)]));
const source = (file: string) => sources.get(file)!;

/** `file:line: what, use what` for every line that a pattern finds. */
function linesWith(among: readonly string[], pattern: RegExp, advice: string): string[] {
  return among.flatMap((file) => source(file).split('\n').flatMap((line, index) => {
    const code = line.replace(/^\s*(\/\/|\*|\/\*).*/, '').replace(/'(?:[^'\\]|\\.)*'/g, `''`);
    return pattern.test(code) ? [`${file}:${index + 1}: ${line.trim().slice(0, 80)} — ${advice}`] : [];
  }));
}

interface Found {
  readonly file: string;
  readonly line: number;
  readonly name: string;
  readonly lines: number;
  readonly parameters: number;
  /** A constructor that Nest calls. */
  readonly injected: boolean;
}

/** Records take as many values as they have; a service with many others behind it does too much. */
function isInjected(node: ts.Node): boolean {
  return ts.isConstructorDeclaration(node) && (ts.getDecorators(node.parent as ts.ClassDeclaration) ?? []).length > 0;
}

/** Functions that are nothing but a document written as code. */
const documents = new Set(['services/standalone/src/demo/document.ts']);

function functions(file: string): Found[] {
  const tree = ts.createSourceFile(file, source(file), ts.ScriptTarget.Latest, true);
  const found: Found[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body) {
      const from = tree.getLineAndCharacterOfPosition(node.getStart(tree)).line;
      const to = tree.getLineAndCharacterOfPosition(node.getEnd()).line;
      const name = node.name?.getText(tree) ?? 'a function';
      found.push({ file, line: from + 1, name, lines: to - from + 1, parameters: node.parameters.length, injected: isInjected(node) });
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return found;
}

describe('the code', () => {
  it('stands in files that one sitting can read: at most 400 lines', () => {
    const long = files.map((file) => [file, source(file).trimEnd().split('\n').length] as const).filter(([, lines]) => lines > 400);
    expect(long.map(([file, lines]) => `${file}:1: ${lines} lines — split it by what its parts are for`)).toEqual([]);
  });

  it('has functions of at most 70 lines, and services on at most five others', () => {
    const all = product.flatMap(functions);
    expect(all.length).toBeGreaterThan(500);
    expect([
      ...all.filter(({ file, lines }) => lines > 70 && !documents.has(file)).map(({ file, line, name, lines }) => `${file}:${line}: ${name} has ${lines} lines — give its steps names`),
      ...all.filter(({ injected, parameters }) => injected && parameters > 5)
        .map(({ file, line, parameters }) => `${file}:${line}: a class on ${parameters} others — split it`),
    ]).toEqual([]);
  });

  it.each([
    ['asks the clock through libs/runtime', product.filter((file) => !file.startsWith('libs/runtime/')), /new Date\(\)|(?<!performance|clock)\bDate\.now\(\)/, 'take a Clock, or `now`'],
    ['reads the environment in config.ts alone', product.filter((file) => !/(^|\/)(config|main)\.ts$/.test(file)), /process\.env\b/, 'read it in config.ts'],
    ['lets migrations alone change the schema', files, /synchronize:\s*true/, 'write a migration'],
    ['has no circles of modules', files, /\bforwardRef\b/, 'move what both need'],
    ['has no frame for commands', files, /@nestjs\/cqrs/, 'call the service'],
    ['hears the log through the bus', files, /Transport\.KAFKA/, 'use BusTransport'],
    ['has unions instead of enums', files, /^\s*(export )?(const )?enum\s/, 'use a union: it is its own JSON'],
    ['runs every test', files.filter((file) => !file.endsWith('tidy.spec.ts')), /\b(describe|it|test)\.only\(|\b[xf](it|describe)\(/, 'run all of them'],
    ['has one word for each thing', product, /\b(class|interface|type) \w*(Buyer|Prospect|PingTree|Auction|Customer)/, 'client, inbound lead, workflow, distribution attempt'],
  ])('%s', (_, among, pattern, advice) => {
    expect(among.length).toBeGreaterThan(0);
    expect(linesWith(among, pattern, advice)).toEqual([]);
  });

  it('says by a suffix what touches the world, and by nothing else', () => {
    const touches = 'module|controller|consumer|service|store|entity|job|events|guard|filter';
    const known = new RegExp(`^[^.]+(\\.(${touches}))?(\\.(int|sim|e2e))?(\\.(spec|suite|bench))?\\.ts$`);
    expect(files.filter((file) => !known.test(path.basename(file))).map((file) => `${file}:1: an unknown suffix — see the map in README.md`)).toEqual([]);
  });
});

describe('the projects', () => {
  it.each(projects)('%s has one type, so that the boundaries know it, and is linted', (project) => {
    const { tags, targets } = JSON.parse(read(`${project}/project.json`)) as { tags: string[]; targets: Record<string, unknown> };
    expect(tags.filter((tag) => tag.startsWith('type:'))).toHaveLength(1);
    expect(targets).toHaveProperty('lint');
  });

  it.each(projects.filter((project) => project.startsWith('services/') && !project.endsWith('/standalone')))('%s says in its README what it is for', (project) => {
    const text = read(`${project}/README.md`);
    const missing = ['Owns', 'Does not own', 'Listens to', 'Says', 'Invariants', 'If it is down'].filter((heading) => !new RegExp(`^(#+ |\\*\\*)${heading}`, 'mi').test(text));
    expect(missing).toEqual([]);
  });

  it('answer each path by one controller', () => {
    const routes = product.filter((file) => file.endsWith('.controller.ts')).flatMap((file) => {
      const base = /@Controller\((?:'([^']*)')?\)/.exec(source(file))?.[1] ?? '';
      return [...source(file).matchAll(/@(Get|Post|Put|Patch|Delete)\((?:'([^']*)')?\)/g)]
        .map(([, verb, where]) => `${verb} /${[base, where ?? ''].filter(Boolean).join('/')}`.replaceAll(/:\w+/g, ':x'));
    });
    expect(routes.length).toBeGreaterThan(20);
    expect(routes.filter((route, index) => routes.indexOf(route) !== index)).toEqual([]);
  });
});

describe('every event', () => {
  const events = files.filter((file) => file.startsWith('libs/events/') && file.endsWith('.events.ts'))
    .flatMap((file) => [...source(file).matchAll(/export const (\w+) = defineEvent/g)].map(([, name]) => ({ name: name!, file })));
  const outside = product.filter((file) => file.startsWith('services/'));

  it.each(events)('$name has a golden file and a producer', ({ name, file }) => {
    const producer = path.basename(file, '.events.ts');
    expect(fs.existsSync(path.join(root, 'libs/events/golden', `sluice.${producer}.v1.${name}.json`))).toBe(true);
    expect(outside.filter((each) => new RegExp(`\\b${name}\\b`).test(source(each))).length).toBeGreaterThan(0);
  });
});
