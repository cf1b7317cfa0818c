import { readFile, stat } from 'node:fs/promises';
import { simulate, type Scenario } from '@sluice/distribution';
import { linearRegex, type Scripts } from '@sluice/scripts';
import { faultLine, parseScenario } from '@sluice/workflow';
import type { Terminal } from '../terminal.js';
import { refusedScripts, withScripts } from './scripts.js';
import { configBeside, unreadable } from './text-of.js';

/**
 * Runs a scenario file on the live decision code. Answers the exit status: 0 every expectation holds, 1 one does not, 2 the document is
 * refused.
 */
export async function simulateFile(file: string, json: boolean, terminal: Terminal): Promise<0 | 1 | 2> {
  const scenario = await readScenario(file, terminal);
  if (Array.isArray(scenario)) {
    for (const fault of scenario as readonly string[]) terminal.line(`${file}: ${fault}`);
    return 2;
  }
  return withScripts((scripts, sandbox) => {
    const refused = refusedScripts((scenario as Scenario).config, sandbox);
    for (const fault of refused) terminal.line(`${file}: config.${fault}`);
    return refused.length > 0 ? 2 : run(scenario as Scenario, scripts, file, json, terminal);
  });
}

function run(scenario: Scenario, scripts: Scripts, file: string, json: boolean, terminal: Terminal): 0 | 1 | 2 {
  const bar = terminal.progress('steps');
  const steps = scenario.timeline?.length ?? 0;
  const result = (() => {
    try {
      return simulate(scenario, {
        regex: linearRegex, scripts,
        ...(json ? { onLine: (line: object) => terminal.out(JSON.stringify(line)) } : { lines: false }),
        ...(steps > 10_000 ? { onProgress: (done: number, of: number) => bar.update(done, done / of) } : {}),
      });
    } catch (error) {
      if (error instanceof RangeError) return error.message;
      throw error;
    }
  })();
  if (typeof result === 'string') {
    terminal.line(`${file}: ${result}`);
    return 2;
  }
  if (steps > 10_000) bar.end();
  for (const { step, why } of result.refusedSteps) terminal.line(`${file}: timeline[${step}]: refused, and left out: ${why}`);
  if (json) terminal.out(JSON.stringify(result.summary));
  for (const { what, expected, got } of result.failures) terminal.line(`${file}: ${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`);
  if (!json) {
    const { counts, turnover, unsold, windows } = result.summary.summary;
    terminal.out(`${result.failures.length === 0 ? 'ok  ' : 'FAIL'} ${scenario.name ?? file}`);
    for (const [contract, count] of Object.entries(counts)) terminal.out(`       ${contract.padEnd(24)} ${String(count).padStart(8)}`);
    terminal.out(`       turnover ${turnover}`);
    for (const [what, told] of [['unsold', unsold], ['windows', windows]] as const) {
      if (Object.keys(told).length > 0) terminal.out(`       ${what} ${tally(Object.values(told))}`);
    }
  }
  return result.failures.length === 0 ? 0 : 1;
}

/** Words → how often each comes, most often first. */
function tally(words: readonly string[]): string {
  const times = new Map<string, number>();
  for (const word of words) times.set(word, (times.get(word) ?? 0) + 1);
  return [...times].sort((a, b) => b[1] - a[1]).map(([word, count]) => `${word} ${count.toLocaleString('en')}`).join(', ');
}

/** A file that takes seconds to read is worth a line. */
const LARGE = 5_000_000;

async function readScenario(file: string, terminal: Terminal): Promise<Scenario | readonly string[]> {
  try {
    if ((await stat(file)).size > LARGE) terminal.line(terminal.dim(`Reading ${file} …`));
    const text = await readFile(file, 'utf8');
    const parsed = parseScenario(text, configBeside(file));
    return parsed.faults ? parsed.faults.map(faultLine) : parsed.document;
  } catch (error) {
    return [unreadable(error)];
  }
}
