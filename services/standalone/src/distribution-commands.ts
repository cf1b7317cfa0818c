import { Option, type Command } from 'commander';
import { SystemClock } from '@sluice/runtime';
import type { Api } from './api.js';
import { historyFilters, type HistoryFilter } from './commands/history.js';
import type { Remote } from './command-line.js';
import type { Terminal } from './terminal.js';

interface Given {
  readonly remote: (command: Command) => Command;
  readonly whole: (text: string) => number;
  readonly reach: (options: Remote) => Api;
}

const list = (text: string) => text.split(',').map((each) => each.trim()).filter((each) => each !== '');
const more = (text: string, before: readonly string[]) => [...before, ...list(text)];

/** Runs a command on the API, and closes it. */
async function on<T>(api: Api, work: (api: Api) => Promise<T>): Promise<T> {
  return work(api).finally(() => api.close());
}

/** What is done with leads by hand, and with their windows. */
export function addByHand(program: Command, { remote, whole, reach }: Given, terminal: Terminal): void {
  remote(program.command('windows').description('list the windows of leads that are tried again').option('--state <state>', 'open, paused, fulfilled, stopped or expired'))
    .option('--campaign <id>').option('--limit <n>', 'how many at most', whole, 50).option('--json', 'a line of JSON each', false)
    .action(async (options: Remote & { state?: string; campaign?: string; limit: number; json: boolean }) => {
      const { windows } = await import('./commands/windows.js');
      await on(reach(options), (api) => windows(api, options, terminal));
    });
  remote(program.command('window').description("show a lead's window, or open, pause, resume, stop or edit it").argument('<lead>'))
    .argument('[action]', 'show, open, pause, resume, stop or edit', 'show')
    .option('--length <duration>', 'open, edit: how long it lasts, for instance P3D').option('--every <duration>', 'open, edit: how often it is tried, for instance PT15M')
    .action(async (lead: string, action: string, options: Remote & { length?: string; every?: string }) => {
      const { isWindowAction, window } = await import('./commands/windows.js');
      if (!isWindowAction(action)) throw new Error(`"${action}" is nothing that is done to a window; expected show, open, pause, resume, stop or edit.`);
      await on(reach(options), (api) => window(api, lead, action, { length: options.length, every: options.every }, terminal));
    });
  remote(program.command('distribute').description('give a lead to contracts by hand, or by the rules of a workflow').argument('<lead>'))
    .option('--contracts <ids>', 'these contracts, in this order', more, []).option('--rules <workflow>', 'the rules of this workflow')
    .option('--override <gates>', 'gates to pass over; needs a reason', more, []).option('--reason <text>', 'why').option('--by <user>', 'on whose behalf')
    .option('--preview', 'show the gates, ask for nothing', false).option('--json', 'the answer as it came', false)
    .action(async (lead: string, options: Remote & ByHand) => {
      const { distribute } = await import('./commands/distribute.js');
      const contracts = options.contracts.length > 0 ? options.contracts : undefined;
      if (!(await on(reach(options), (api) => distribute(api, lead, { ...options, contracts }, terminal)))) process.exitCode = 1;
    });
  remote(program.command('pick').description('let a client take a lead from the pool').argument('<lead>').argument('<contract>'))
    .option('--by <user>', 'on whose behalf').option('--reason <text>', 'why').option('--json', 'the answer as it came', false)
    .action(async (lead: string, contract: string, options: Remote & { by?: string; reason?: string; json: boolean }) => {
      const { cherryPick } = await import('./commands/distribute.js');
      if (!(await on(reach(options), (api) => cherryPick(api, lead, contract, options, terminal)))) process.exitCode = 1;
    });
  remote(program.command('pool').description('list the leads that a client may take for itself').argument('<client>'))
    .option('--campaign <id>').option('--sold <which>', 'any, or none: leads that nobody has').option('--limit <n>', 'how many at most', whole, 50)
    .option('--json', 'a line of JSON each', false)
    .action(async (client: string, options: Remote & { campaign?: string; sold?: string; limit: number; json: boolean }) => {
      const { pool } = await import('./commands/pool.js');
      await on(reach(options), (api) => pool(api, client, options, terminal));
    });
  remote(program.command('seen').description('say that users are active, so that push gives them leads').argument('<user...>'))
    .action(async (users: string[], options: Remote) => {
      const { seen } = await import('./commands/seen.js');
      await on(reach(options), (api) => seen(api, users, terminal));
    });
}

/** What looks back: who distributed what, and what another configuration would have made of it. */
export function addPast(program: Command, { remote, whole, reach }: Given, terminal: Terminal): void {
  const history = remote(program.command('history').description('list distribution attempts, by the system and by people, newest first'))
    .option('--limit <n>', 'how many at most', whole, 50).option('--json', 'a line of JSON each', false);
  for (const filter of historyFilters) history.option(`--${filter} <value>`);
  history.action(async (options: Remote & { limit: number; json: boolean } & HistoryFilter) => {
    const { history: show } = await import('./commands/history.js');
    const given = Object.fromEntries(historyFilters.map((name) => [name, options[name]]));
    await on(reach(options), (api) => show(api, given, options, terminal));
  });
  remote(program.command('replay').description('run leads of the past through another configuration, and say what differs'))
    .requiredOption('--config <file>', 'the configuration that is tried out')
    .option('--from <instant>', 'leads received from then on; a date in the zone of the configuration, or an instant')
    .option('--to <instant>', 'leads received before then; now unless given')
    .option('--warm <duration>', 'how much before --from counts as it was sold; as the caps in use need it unless given')
    .option('--history <file>', 'an exported history (GET /v1/history) instead of the running platform').option('--campaign <id>', 'leads of this campaign alone')
    .addOption(new Option('--baseline <what>', 'compare with what happened, or with the current configuration in the same simulation').choices(['happened', 'current']).default('happened'))
    .addOption(new Option('--refusals <how>', 'a client that never had a lead accepts it, or turns it down as often as it did others').choices(['same', 'rate']).default('same'))
    .option('--top <n>', 'contracts to show', whole, 20).option('--json', 'the report as data', false)
    .action(async (options: Remote & Replayed) => {
      const { replay } = await import('./commands/replay.js');
      process.exitCode = await replay(options, () => reach(options), new SystemClock().now(), terminal);
    });
}

interface ByHand {
  readonly contracts: string[]; readonly rules?: string; readonly override: string[]; readonly reason?: string; readonly by?: string;
  readonly preview: boolean; readonly json: boolean;
}

interface Replayed {
  readonly config: string; readonly from?: string; readonly to?: string; readonly warm?: string; readonly history?: string;
  readonly campaign?: string; readonly baseline: 'happened' | 'current'; readonly refusals: 'same' | 'rate'; readonly top: number;
  readonly json: boolean;
}
