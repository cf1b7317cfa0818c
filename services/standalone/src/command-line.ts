import { Command, InvalidArgumentError, Option } from 'commander';
import { ApiRefusal } from './api.js';
import { apply, diff, exportConfiguration } from './commands/configuration.js';
import { Unreadable } from './commands/text-of.js';
import { environment, readSettings, roles, type Role } from './config.js';
import { DataFolder } from './data-folder.js';
import { addByHand, addPast } from './distribution-commands.js';
import { reach } from './runtime-file.js';
import { Terminal } from './terminal.js';

export interface Remote {
  readonly url?: string;
  readonly key?: string;
}

/** What `serve` is run from by those who start processes of their own. */
const script = process.argv[1]!.endsWith('stack.mjs') ? process.argv[1]!.replace(/bin\/stack\.mjs$/, 'services/standalone/bin/sluice.mjs') : process.argv[1]!;

const whole = (text: string) => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('a whole number of at least 1 is expected.');
  return value;
};

/** Parses the arguments, runs the command, and sets the exit status: 0 done, 1 not as expected, 2 refused. */
export async function runCommandLine(argv: readonly string[]): Promise<void> {
  const terminal = new Terminal();
  const program = new Command('sluice')
    .description('Lead distribution: takes leads in, decides who gets them, delivers them, explains every decision.')
    .version('0.1.0')
    .showHelpAfterError('(sluice --help lists the commands)');
  addServers(program, terminal);
  addConfiguration(program, terminal);
  addLeads(program, terminal);
  addByHand(program, given, terminal);
  addPast(program, given, terminal);
  addLooks(program, terminal);
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    terminal.line(error instanceof ApiRefusal || error instanceof Unreadable ? error.message : `sluice: ${(error as Error).message}`);
    if (environment['SLUICE_LOG_LEVEL'] === 'debug') terminal.line((error as Error).stack ?? '');
    process.exitCode = error instanceof Unreadable || (error instanceof ApiRefusal && error.isOfTheRequest) ? 2 : 1;
    // A start that failed half-way holds connections open; they must not keep the process.
    setTimeout(() => process.exit(), 500).unref();
  }
}

const remote = (command: Command) => command
  .option('--url <url>', 'address of the API; the one that runs on the data folder unless given')
  .option('--key <key>', 'API key; the one in the data folder unless given');

const folder = () => new DataFolder(readSettings().SLUICE_DATA);

/** The API that a command talks to. `source`: with a key of a source instead of an administrator's. */
const apiOf = (options: Remote, source?: { readonly campaign?: string | undefined }) =>
  reach({ ...options, data: folder(), gatewayUrl: readSettings().SLUICE_GATEWAY_URL }, source);

const given = { remote, whole, reach: apiOf };

function addServers(program: Command, terminal: Terminal): void {
  program.command('dev').alias('start').description('everything in one process on this machine, with a demo')
    .option('--no-demo', 'an empty set-up, no sample leads')
    .option('--rate <n>', 'sample leads a second', whole, 5)
    .action(async (options: { demo: boolean; rate: number }) => {
      const { dev } = await import('./commands/dev.js');
      stopOnSignal(await dev(readSettings(), options, terminal), terminal);
    });
  program.command('stack').description('the services as separate processes on Kafka, Postgres and Redis, on this machine')
    .option('--no-demo', 'an empty set-up, no sample leads')
    .option('--rate <n>', 'sample leads a second', whole, 5)
    .action(async (options: { demo: boolean; rate: number }) => {
      const { stack } = await import('./commands/stack.js');
      stopOnSignal(await stack(readSettings(), options, script, terminal), terminal);
    });
  program.command('serve').description('services as a process of their own (needs DATABASE_URL)')
    .addOption(new Option('--role <role...>', 'which services').choices(['all', ...roles]).makeOptionMandatory())
    .action(async ({ role }: { role: (Role | 'all')[] }) => {
      const { serve } = await import('./commands/serve.js');
      stopOnSignal(await serve(readSettings(), role.includes('all') ? [...roles] : (role as Role[])), terminal);
    });
}

function addConfiguration(program: Command, terminal: Terminal): void {
  remote(program.command('apply').description('make the set-up what the file says, whole or not at all').argument('<file>'))
    .action(async (file: string, options: Remote) => {
      const api = apiOf(options);
      await apply(api, file, terminal).finally(() => api.close());
    });
  remote(program.command('diff').description('say what apply would change; exit status 1 where there is a difference').argument('<file>'))
    .action(async (file: string, options: Remote) => {
      const api = apiOf(options);
      if (await diff(api, file, terminal).finally(() => api.close())) process.exitCode = 1;
    });
  remote(program.command('export').description('write the set-up as a document').argument('[file]').option('--json', 'JSON instead of YAML', false))
    .action(async (file: string | undefined, options: Remote & { json: boolean }) => {
      const api = apiOf(options);
      await exportConfiguration(api, file, terminal, options.json).finally(() => api.close());
    });
  program.command('scripts').description('scripts of a document').command('test').description('run the tests of all of them').argument('<file>').action(async (file: string) => {
    const { testScripts } = await import('./commands/scripts.js');
    process.exitCode = await testScripts(file, terminal);
  });
  program.command('lint').description('say what is surely or probably not meant in a document').argument('<file>').action(async (file: string) => {
    const { lintFile } = await import('./commands/lint.js');
    process.exitCode = await lintFile(file, terminal);
  });
  program.command('simulate').description('run a scenario on the live decision code, without touching anything stored').argument('<file...>')
    .option('--json', 'one line an attempt', false)
    .action(async (files: string[], { json }: { json: boolean }) => {
      const { simulateFile } = await import('./commands/simulate.js');
      let worst = 0;
      for (const file of files) worst = Math.max(worst, await simulateFile(file, json, terminal));
      process.exitCode = worst;
    });
}

function addLeads(program: Command, terminal: Terminal): void {
  remote(program.command('ingest').description('send a file of leads (CSV or NDJSON); sent again, it makes nothing twice').argument('<file>'))
    .option('--campaign <id>', 'the campaign of lines that name none')
    .option('--results <file>', 'where the result lines go')
    .action(async (file: string, options: Remote & { campaign?: string; results?: string }) => {
      const { ingest } = await import('./commands/ingest.js');
      const api = apiOf(options, { campaign: options.campaign });
      const report = await ingest(api, { file, ...options }, terminal).finally(() => api.close());
      const counts = Object.entries(report.byStatus).map(([status, count]) => `${status} ${count.toLocaleString('en')}`).join(', ');
      terminal.line(`${report.lines.toLocaleString('en')} lines in ${report.seconds.toFixed(1)} s: ${counts || 'none'}. A result for each stands in ${report.results}.`);
    });
  program.command('generate').description('write a CSV of sample leads; the same seed gives the same file').argument('[file]')
    .option('--campaign <id>', 'solar, insurance or mortgage', 'solar')
    .option('--count <n>', 'how many', whole, 1_000)
    .option('--seed <seed>', 'what chance starts from', '1')
    .action(async (file: string | undefined, options: { campaign: string; count: number; seed: string }) => {
      const { generate } = await import('./commands/generate.js');
      await generate({ file, ...options });
    });
}

function addLooks(program: Command, terminal: Terminal): void {
  remote(program.command('status').description('addresses, keys, and how far each group is behind'))
    .addOption(new Option('-o, --output <format>').choices(['table', 'json', 'env']).default('table'))
    .action(async (options: Remote & { output: 'table' | 'json' | 'env' }) => {
      const { status } = await import('./commands/status.js');
      const data = folder();
      const api = apiOf(options);
      if (!(await status(api, data, terminal, options.output).finally(() => api.close()))) process.exitCode = 1;
    });
  remote(program.command('explain').description('say of a lead why each contract got it or not').argument('<lead>').argument('[contract]'))
    .option('--attempt <n>', 'another attempt than the last; 1 is the first', whole).option('--json', 'as data', false)
    .action(async (lead: string, contract: string | undefined, options: Remote & { attempt?: number; json: boolean }) => {
      const { explain } = await import('./commands/explain.js');
      const api = apiOf(options);
      if (!(await explain(api, lead, contract, options, terminal).finally(() => api.close()))) process.exitCode = 1;
    });
  program.command('doctor').description('look at what the platform needs, and say what is missing').action(async () => {
    const { doctor } = await import('./commands/doctor.js');
    const settings = readSettings();
    if (!(await doctor(settings, new DataFolder(settings.SLUICE_DATA), terminal))) process.exitCode = 1;
  });
  program.command('prove').description('send leads through everything while it is killed, and compare the outside logs with the tables')
    .option('--leads <n>', 'how many', whole, 50_000)
    .option('--seed <seed>', 'what chance starts from', '1')
    .option('--stack', 'separate processes on Kafka instead of one process', false)
    .option('--kills <n>', 'how often each process is killed', Number, 0)
    .option('--broker-kills <n>', 'how often the broker is killed', Number, 0)
    .action(async (options: { leads: number; seed: string; stack: boolean; kills: number; brokerKills: number }) => {
      const { prove } = await import('./commands/prove.js');
      if (!(await prove(options, script, terminal))) process.exitCode = 1;
    });
  program.command('bench').description('measure each part against its limit in the same run').argument('[parts...]', 'decide, replay, engine, scripts, intake, delivery, windows, bus, pipeline')
    .action(async (parts: string[]) => {
      const { bench } = await import('./commands/bench.js');
      await bench(parts, script, terminal);
    });
}

/** Ctrl-C ends cleanly, a second one at once; thirty seconds are the most that a clean end may take. */
function stopOnSignal(running: { stop(): Promise<void> }, terminal: Terminal): void {
  let stopping = false;
  const stop = () => {
    if (stopping) process.exit(1);
    stopping = true;
    terminal.line('\nStopping …');
    setTimeout(() => process.exit(1), 30_000).unref();
    running.stop().then(() => process.exit(0), (error: Error) => {
      terminal.line(`It did not stop cleanly: ${error.message}`);
      process.exit(1);
    });
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
}
