import { createRequire } from 'node:module';
import { setImmediate as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { ConfigDocument } from '@sluice/distribution';
import {
  checkInSteps, readJson, readYaml, syntaxFault, yamlAliasesMax, yamlOptions, type Checked, type ReadText,
} from './parse-document.js';

/** YAML of this length takes a tenth of a second; beyond it a thread reads it, since the process decides and delivers meanwhile. */
const INLINE_MAX = 100_000;
const READ_MS_MAX = 60_000;
const READ_MB_MAX = 2_048;

/** A body as text or as parsed JSON → the document or its faults, without keeping the process from its other work for long. */
export async function readDocument(body: unknown): Promise<Checked<ConfigDocument>> {
  const read: ReadText = typeof body === 'string' ? readJson(body) ?? (await readYamlAside(body)) : { value: body };
  if ('faults' in read) return read;
  const steps = checkInSteps(read.value);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return step.value;
    await pause();
  }
}

/** The thread reads and says what it found; its code is here, because a library module does not know its own file. */
const code = `
const { parentPort, workerData } = require('node:worker_threads');
const { parseDocument } = require(workerData.yaml);
const parsed = parseDocument(workerData.text, workerData.options);
const errors = parsed.errors.map((error) => ({ message: error.message, at: error.pos[0] }));
if (errors.length > 0) parentPort.postMessage({ errors });
else try {
  parentPort.postMessage({ value: parsed.toJS({ maxAliasCount: workerData.aliasesMax }) });
} catch (error) {
  parentPort.postMessage({ errors: [{ message: error.message, at: 0 }] });
}`;

type Told = { readonly value: unknown } | { readonly errors: readonly { readonly message: string; readonly at: number }[] };

async function readYamlAside(text: string): Promise<ReadText> {
  const yaml = text.length > INLINE_MAX ? whereYamlIs() : undefined;
  if (yaml === undefined) return readYaml(text);
  const worker = new Worker(code, {
    eval: true, workerData: { yaml, text, options: yamlOptions, aliasesMax: yamlAliasesMax },
    resourceLimits: { maxOldGenerationSizeMb: READ_MB_MAX },
  });
  const limit = setTimeout(() => void worker.terminate(), READ_MS_MAX);
  try {
    const told = await new Promise<Told>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', reject);
      worker.once('exit', () => reject(new Error('the document takes too long to read; send it as JSON')));
    });
    return 'errors' in told ? { faults: told.errors.map(({ message, at }) => syntaxFault(text, message, at)) } : told;
  } catch (error) {
    return { faults: [syntaxFault(text, error instanceof Error ? error.message : 'it cannot be read', 0)] };
  } finally {
    clearTimeout(limit);
    await worker.terminate();
  }
}

/** The parser's file, found from the program that runs; undefined where that is bundled some other way. */
function whereYamlIs(): string | undefined {
  try {
    return createRequire(process.argv[1] ?? `${process.cwd()}/`).resolve('yaml');
  } catch {
    return undefined;
  }
}
