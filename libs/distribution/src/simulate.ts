/** Reads a scenario's time line into a simulation, and its expectations against what came of it. */
import { currencyDigits, formatMoney, mergePatch, parseDuration as durationMs, seededRandom, type Json } from '@sluice/kernel';
import type { ConfigDocument } from './document.js';
import { check } from './expectations.js';
import { itemsOf, type ConfigItem, type ItemKind } from './items.js';
import { Market, type RegexEngine } from './market.js';
import { Ledger, namedLeads } from './ledger.js';
import type { Gate } from './reasons.js';
import { SalesLog } from './sales-log.js';
import { leadOf } from './scenario-lead.js';
import type { AttemptLine, RefusedStep, Scenario, ScenarioStep, SimulationResult } from './scenario.js';
import { expectHost, type ScriptHost } from './script-host.js';
import { Refusal, Simulation, type Attempt, type Track } from './simulation.js';

export interface SimulateOptions {
  regex?: RegexEngine;
  /** Runs the scripts of the configuration. */
  scripts?: ScriptHost;
  /** Hears each attempt as it is made; with it, lines are not kept. */
  onLine?: (line: AttemptLine) => void;
  /** false = no lines at all, and only what the expectations need is explained: for runs of a million leads. */
  lines?: boolean;
  /** Steps of the time line done, and of how many. */
  onProgress?: (done: number, of: number) => void;
}

/**
 * Runs a scenario on a virtual clock, in memory, on the live decision code. Throws RangeError for a document or time line that is refused.
 */
export function simulate(scenario: Scenario, options: SimulateOptions = {}): SimulationResult {
  const lines: AttemptLine[] = [];
  const refusedSteps: RefusedStep[] = [];
  expectHost(scenario.config, options.scripts);
  const config = new Configuration(scenario.config, options.regex);
  const currency = scenario.config.currency ?? 'USD';
  currencyDigits(currency);
  const wantsLines = options.lines !== false;
  const hear = (attempt: Attempt) => {
    if (!wantsLines) return;
    const line = lineOf(attempt, currency);
    if (options.onLine) options.onLine(line); else lines.push(line);
  };
  const seed = (text: string) => seededRandom(`${scenario.seed ?? 'simulation'}|${text}`).next();
  const refusals = scenario.expect?.refused ?? {};
  const unsold = scenario.expect?.unsold ?? {};
  const explained = (leadId: string) => (leadId in refusals ? 'kept' : wantsLines || leadId in unsold ? 'told' : 'no');
  const simulation = new Simulation(config.market, seed, hear, explained, !wantsLines && onlyOutcomesCount(scenario));
  simulation.scripts = options.scripts;
  const steps = scenario.timeline ?? [];
  if (steps.some((step) => 'set' in step || 'remove' in step)) simulation.state.sales = new SalesLog();
  simulation.now = steps[0] ? instantOfStep(steps[0]) : 0;
  simulation.state.follow(config.market, simulation.now);
  const ledger = new Ledger(simulation, namedLeads(scenario));
  steps.forEach((step, place) => {
    const at = instantOfStep(step);
    if (at < simulation.now) throw new RangeError(`timeline[${place}]: ${step.at} is before the step above it`);
    simulation.runTo(at);
    inStep(place, refusedSteps, () => run(simulation, config, ledger, step));
    if (place % SWEEP_EVERY === SWEEP_EVERY - 1) ledger.sweep();
    options.onProgress?.(place + 1, steps.length);
  });
  if (scenario.until !== undefined) simulation.runTo(instant(scenario.until, 'until'));
  const summary = { summary: ledger.summary(config.ids('contract'), (minor) => formatMoney(minor, currency)) };
  return { name: scenario.name, lines, summary, failures: check(scenario.expect ?? {}, simulation, summary), refusedSteps };
}

const SWEEP_EVERY = 20_000;

/**
 * Whether tries of windows that can find nothing new may be left out: nobody asks for the last one's reasons, and no draw of lots hangs on
 * how many tries there were.
 */
function onlyOutcomesCount({ config, timeline = [], expect = {} }: Scenario): boolean {
  if (expect.refused || expect.unsold) return false;
  const changes = timeline.filter((step) => 'set' in step);
  return !JSON.stringify([config.workflows, config.clients?.map(({ contractMethod }) => contractMethod), changes]).includes('"random"');
}

function inStep(place: number, refused: RefusedStep[], work: () => void): void {
  try {
    work();
  } catch (error) {
    if (error instanceof Refusal) {
      refused.push({ step: place, why: error.message });
      return;
    }
    if (error instanceof RangeError) throw new RangeError(`timeline[${place}]: ${error.message}`);
    throw error;
  }
}

function instantOfStep(step: ScenarioStep): number {
  return instant(step.at, 'at');
}

function instant(text: string, what: string): number {
  const at = Date.parse(text);
  if (Number.isNaN(at)) throw new RangeError(`${what}: expected an instant, got ${JSON.stringify(text)}`);
  return at;
}

function run(simulation: Simulation, config: Configuration, ledger: Ledger, step: ScenarioStep): void {
  const track = (id: string): Track => {
    const found = simulation.tracks.get(id);
    if (!found) throw new RangeError(`no lead ${JSON.stringify(id)} came before`);
    return found;
  };
  if ('lead' in step) {
    const { rejectedBy, failedBy, unansweredBy } = step;
    const answers = { rejectedBy: setOf(rejectedBy), failedBy: setOf(failedBy), unansweredBy: setOf(unansweredBy) };
    ledger.came(step.lead.id);
    const { campaign } = step.lead;
    if (campaign !== undefined) config.known('campaign', campaign);
    simulation.receive(leadOf(step.lead, simulation.now, config.market.campaigns.get(campaign ?? '')?.body), answers);
    ledger.settle(step.lead.id);
  } else if ('set' in step) {
    config.set(step.set);
    changed(simulation, config);
  } else if ('remove' in step) {
    config.remove(step.remove);
    changed(simulation, config);
  } else if ('distribute' in step) {
    const { lead, contracts, rules, by, overrides } = step.distribute;
    for (const id of contracts ?? []) config.known('contract', id);
    if (rules !== undefined) config.known('workflow', rules);
    simulation.attempt(track(lead), { trigger: 'manual', contracts, workflow: rules, actor: by,
      overrides: overrides as Gate[] | undefined });
    simulation.wakeFreed();
  } else if ('cherryPick' in step) {
    config.known('contract', step.cherryPick.contract);
    simulation.attempt(track(step.cherryPick.lead),
      { trigger: 'cherryPick', contracts: [step.cherryPick.contract], actor: step.cherryPick.by });
  } else if ('return' in step) simulation.giveBack(track(step.return.lead), step.return.contract);
  else if ('window' in step) windowStep(simulation, track(step.window.lead), step.window);
  else if ('seen' in step) {
    simulation.state.seen(step.seen.user, simulation.now);
    simulation.wakeHeld();
  } else throw new RangeError('expected one of lead, set, remove, distribute, cherryPick, return, window, seen');
}

const NOBODY: ReadonlySet<string> = new Set();

function setOf(ids: readonly string[] | undefined): ReadonlySet<string> {
  return ids === undefined || ids.length === 0 ? NOBODY : new Set(ids);
}

function changed(simulation: Simulation, config: Configuration): void {
  simulation.state.follow(config.market, simulation.now);
  simulation.wakeAll();
}

function windowStep(
  simulation: Simulation, track: Track, { action, length, every }: { action: string; length?: string; every?: string },
): void {
  const ms = (text: string | undefined) => (text === undefined ? undefined : durationMs(text));
  if (action === 'open') simulation.openWindow(track, length, every);
  else if (action === 'edit') simulation.command(track, { kind: 'edit', lengthMs: ms(length), everyMs: ms(every) });
  else if (action === 'pause' || action === 'resume' || action === 'stop') simulation.command(track, { kind: action });
  else throw new RangeError(`window: expected open, pause, resume, stop or edit, got ${JSON.stringify(action)}`);
}

function lineOf({ at, track, trigger, decision, verdicts, reason }: Attempt, currency: string): AttemptLine {
  const refused: Record<string, string> = {};
  for (const { contractId, code } of verdicts) if (code !== 'picked') refused[contractId] = code;
  return {
    at: new Date(at).toISOString(), lead: track.lead.leadId, trigger,
    assigned: decision.picks.map(({ contractId, priceMinor }) => ({ contract: contractId, price: formatMoney(priceMinor, currency) })),
    refused, reason, ...(decision.scripts ? { scripts: decision.scripts } : {}),
  };
}

const LISTS: Record<string, ItemKind> = {
  clients: 'client', contracts: 'contract', campaigns: 'campaign', lists: 'list', workflows: 'workflow', pushStrategies: 'pushStrategy',
  deliveryMethods: 'deliveryMethod', orders: 'order', scripts: 'script',
};

/** The document as it is at the moment, with every item's place in the order of entry, which it keeps even when it is removed. */
class Configuration {
  readonly market: Market;
  private readonly items = new Map<string, ConfigItem>();
  private readonly entries = new Map<string, number>();

  constructor(document: ConfigDocument, regex: RegexEngine | undefined) {
    const items = itemsOf(document);
    for (const item of items) this.keep(item);
    this.market = Market.compile(items, { regex, deliversAlways: true });
  }

  set(patch: Record<string, unknown>): void {
    const changes: ConfigItem[] = [];
    const settings: Record<string, unknown> = {};
    for (const [list, patches] of Object.entries(patch)) {
      const kind = LISTS[list];
      if (!kind) { settings[list] = patches; continue; }
      for (const [id, change] of Object.entries(patches as Record<string, Json>)) {
        const before = this.items.get(`${kind}|${id}`)?.body ?? { id };
        const entry = this.entries.get(`${kind}|${id}`) ?? this.entries.size + 1;
        // As everywhere in a merge patch, null takes away.
        const body = change === null ? null : mergePatch(before as unknown as Json, change);
        changes.push(this.keep({ kind, id, entry, body } as unknown as ConfigItem));
      }
    }
    if (Object.keys(settings).length > 0) {
      const body = mergePatch((this.items.get('settings|settings')?.body ?? {}) as unknown as Json, settings as Json);
      changes.push(this.keep({ kind: 'settings', id: 'settings', entry: 0, body } as unknown as ConfigItem));
    }
    this.market.change(changes);
  }

  remove(lists: Record<string, string[]>): void {
    const changes: ConfigItem[] = [];
    for (const [list, ids] of Object.entries(lists)) {
      const kind = LISTS[list];
      if (!kind) throw new RangeError(`remove: no list ${JSON.stringify(list)}`);
      for (const id of ids) {
        this.known(kind, id);
        changes.push(this.keep({ kind, id, entry: this.entries.get(`${kind}|${id}`)!, body: null } as ConfigItem));
      }
    }
    this.market.change(changes);
  }

  known(kind: ItemKind, id: string): void {
    if (!this.items.get(`${kind}|${id}`)?.body) throw new RangeError(`no ${kind} ${JSON.stringify(id)}`);
  }

  ids(kind: ItemKind): string[] {
    return [...this.items.values()].filter((item) => item.kind === kind).sort((a, b) => a.entry - b.entry).map(({ id }) => id);
  }

  private keep(item: ConfigItem): ConfigItem {
    const key = `${item.kind}|${item.id}`;
    this.items.set(key, item);
    if (!this.entries.has(key)) this.entries.set(key, item.entry);
    return item;
  }
}
