import { Injectable } from '@nestjs/common';
import { Bus } from '@sluice/bus';
import { Database, type Tx } from '@sluice/db';
import { decideWindow, type WindowCommand, type WindowEvent } from '@sluice/distribution';
import { Clock, crashPoint, Problem, traceparentOf, type Principal } from '@sluice/runtime';
import { EngineQueries } from './engine-queries.service.js';
import { WindowStores } from './window-outcomes.service.js';
import { happen, requestOf } from './window-said.js';
import { newWindow, rowAfter, stateOf, timerOf } from './window-state.js';
import { newId } from './window-tries.service.js';
import type { WindowRow } from './windows.store.js';

/** Of a window that is opened by hand where neither the request nor the workflow names one. */
const LENGTH_MS = 86_400_000;
const EVERY_MS = 900_000;

export interface Terms {
  readonly lengthMs?: number | undefined;
  readonly everyMs?: number | undefined;
}

type Refusal = Extract<WindowEvent, { type: 'refused' }>['reason'];

/** What people do to windows. Each is decided by the one state machine, and said in the transaction that writes it. */
@Injectable()
export class WindowCommands {
  constructor(
    private readonly database: Database, private readonly bus: Bus, private readonly clock: Clock, private readonly stores: WindowStores,
    private readonly engine: EngineQueries,
  ) {}

  /**
   * Opens a window on any lead with a campaign, and tries it at once. Throws a Problem: 404 for a lead that the engine has not, 422 for one
   * without a campaign, 409 where one is open.
   */
  async open(caller: Principal, leadId: string, terms: Terms): Promise<WindowRow> {
    const { tenantId } = caller;
    const [lead] = await this.engine.leads(tenantId, [leadId]);
    if (!lead) throw new Problem(404, 'unknown_lead', `There is no lead ${JSON.stringify(leadId)}. A lead that was accepted just now takes a moment to be known.`);
    const { campaignId, standing } = lead;
    if (!campaignId) throw new Problem(422, 'no_campaign', 'A lead without a campaign is distributed by hand or cherry-picked; it has no window.');
    return this.as(tenantId, async (tx) => {
      const kept = await this.stores.windows.lock(tx, tenantId, leadId);
      const campaign = (await this.stores.terms.of(tx, [tenantId])).get(tenantId)?.campaigns.get(campaignId);
      const lengthMs = terms.lengthMs ?? campaign?.lengthMs ?? LENGTH_MS;
      const everyMs = Math.min(terms.everyMs ?? campaign?.everyMs ?? EVERY_MS, lengthMs);
      const before = kept ?? newWindow(tenantId, leadId, campaignId);
      // Who has the lead by now: its window did not hear of what came before it.
      return this.apply(tx, caller, { ...before, campaignId, standing: Math.max(before.standing, standing) }, kept !== undefined,
        [{ kind: 'open', lengthMs, everyMs, pauseExtends: campaign?.pauseExtends ?? false }, { kind: 'wake' }]);
    });
  }

  /** Pauses, resumes, stops or edits a lead's window. Throws a Problem: 404 where it has none, 409 with the state that it is in. */
  async command(caller: Principal, leadId: string, command: Extract<WindowCommand, { kind: 'pause' | 'resume' | 'stop' | 'edit' }>): Promise<WindowRow> {
    return this.as(caller.tenantId, async (tx) => {
      const row = await this.stores.windows.lock(tx, caller.tenantId, leadId);
      if (!row) throw new Problem(404, 'no_window', `Lead ${JSON.stringify(leadId)} has no window; POST /v1/leads/{id}/window opens one.`);
      return this.apply(tx, caller, row, true, [command]);
    });
  }

  /**
   * Stops open and paused windows of a campaign, at most `limit`; answers how many, and whether more are left. Throws a Problem 404 for a
   * campaign that is not there, and has none.
   */
  async stopAll(caller: Principal, campaignId: string, limit: number, chunk = 500): Promise<{ stopped: number; more: boolean }> {
    const { tenantId } = caller;
    let stopped = 0;
    for (let listed = 0; listed < limit;) {
      const size = Math.min(chunk, limit - listed);
      const done = await this.as(tenantId, (tx) => this.stopSome(tx, caller, campaignId, size));
      listed += done.listed;
      stopped += done.stopped;
      if (done.listed === size) continue;
      if (listed === 0) await this.as(tenantId, (tx) => this.mustKnow(tx, tenantId, campaignId));
      return { stopped, more: false };
    }
    const left = await this.as(tenantId, (tx) => this.stores.windows.liveOf(tx, tenantId, campaignId, 1));
    return { stopped, more: left.length > 0 };
  }

  /**
   * The timers of all before the first window: the engine's outcomes, which hold timers, wait for a window that is being written, and who
   * wrote it must not wait for their timers.
   */
  private async stopSome(tx: Tx, caller: Principal, campaignId: string, size: number): Promise<{ listed: number; stopped: number }> {
    const { tenantId } = caller;
    const leads = await this.stores.windows.liveOf(tx, tenantId, campaignId, size);
    const timers = await this.stores.timers.lock(tx, leads.map((leadId) => ({ tenantId, leadId })));
    let stopped = 0;
    for (const { leadId, kind } of timers) {
      if (kind !== 'window') continue;
      const row = await this.stores.windows.lock(tx, tenantId, leadId);
      // Somebody else may have ended it since it was listed.
      if (row?.state !== 'open' && row?.state !== 'paused') continue;
      await this.apply(tx, caller, row, true, [{ kind: 'stop' }]);
      stopped++;
    }
    return { listed: leads.length, stopped };
  }

  private async mustKnow(tx: Tx, tenantId: string, campaignId: string): Promise<void> {
    const terms = (await this.stores.terms.of(tx, [tenantId])).get(tenantId);
    if (terms?.campaigns.has(campaignId) || await this.stores.windows.isKnown(tx, tenantId, campaignId)) return;
    throw new Problem(404, 'unknown_campaign', `There is no campaign ${JSON.stringify(campaignId)}, nor was there a window of one.`);
  }

  private async apply(
    tx: Tx, caller: Principal, before: WindowRow, exists: boolean, commands: readonly WindowCommand[],
  ): Promise<WindowRow> {
    const now = this.clock.now();
    const { tenantId, leadId, campaignId } = before;
    const scene = { tenantId, leadId, campaignId, actor: caller.id, traceparent: traceparentOf() };
    let state = exists ? stateOf(before) : undefined;
    const { windows, timers } = this.stores;
    const happened = commands.map((command) => {
      const decided = decideWindow(state, command, now);
      const refused = decided.find((event): event is Extract<WindowEvent, { type: 'refused' }> => event.type === 'refused');
      if (refused) throw refusalOf(refused.reason, before, command.kind);
      const one = happen(state, decided, scene, now, before.standing > 0 ? [] : before.reasons);
      state = one.window;
      return one;
    });
    const requested = happened.some((one) => one.requested);
    const row = rowAfter(before, state!, { actor: caller.id, now, opened: commands[0]?.kind === 'open', requested });
    if (exists) await windows.save(tx, row);
    else if ((await windows.open(tx, [row])).length === 0) throw refusalOf('window_open', { ...row, state: 'open' }, 'open');
    const timer = timerOf(row, scene.traceparent);
    if (timer) await timers.add(tx, [timer]);
    else await this.endTimer(tx, row);
    await windows.remember(tx, happened.flatMap((one) => one.history));
    this.bus.append(tx, happened.flatMap((one) => one.said));
    const version = (await windows.versions(tx, [tenantId])).get(tenantId) ?? 0;
    const expired = row.state === 'expired' ? (await this.stores.terms.of(tx, [tenantId])).get(tenantId)?.campaigns.get(campaignId)?.fallback : undefined;
    if (requested || expired !== undefined) {
      this.bus.append(tx, [requestOf(scene, { requestId: newId(now), trigger: 'window', generation: row.generation, version, workflowId: expired }, now)]);
    }
    crashPoint('workflow.window-commanded');
    return row;
  }

  private async endTimer(tx: Tx, row: WindowRow): Promise<void> {
    await this.stores.timers.removeWindow(tx, row);
    await this.stores.windows.waitFor(tx, [{ ...row, waitsOn: [] }]);
  }

  private as<T>(tenantId: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.database.transaction({ service: 'workflow', tenants: [tenantId] }, work);
  }
}

const ADVICE: Readonly<Record<Refusal, string>> = {
  window_open: 'stop it or change its terms first',
  no_window: 'open one first',
  not_paused: 'only one that is paused can go on',
  not_open: 'resume it first',
};
/** Of one that has ended, whatever was to be done to it. */
const ENDED = 'it has ended; POST /v1/leads/{id}/window opens it again';

function refusalOf(reason: Refusal, { state, expiresAt }: WindowRow, command: string): Problem {
  const live = state === 'open' || state === 'paused';
  const until = live ? ` until ${new Date(expiresAt).toISOString()}` : '';
  const advice = live || command === 'open' ? ADVICE[reason] : ENDED;
  return new Problem(409, reason, `The window of this lead is ${state}${until}, so that it cannot be ${DONE[command] ?? command}: ${advice}.`);
}

const DONE: Readonly<Record<string, string>> = { open: 'opened', pause: 'paused', resume: 'resumed', stop: 'stopped', edit: 'edited' };
