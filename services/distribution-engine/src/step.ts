/**
 * One batch → what it changes. Pure but for the memory, which moves: the same memory, leads, records and instant give the same changes
 * to the byte, so that a snapshot with its journal and log can be replayed. Records are taken one after the other, in their order.
 */
import {
  ConfigurationChanged, DistributionRequested, EndpointResumed, EndpointSuspended, EngineConfigured, LeadReceived, LeadReturned,
  OutboundLeadAccepted, OutboundLeadFailed, OutboundLeadRejected, OutboundLeadUnresolved, UserSeen, type Heard, type WindowOpened,
} from '@sluice/events';
import { newLife, type ConfigItem, type StateEntry } from '@sluice/distribution';
import { tellAhead } from './ahead.js';
import { attempt } from './attempt.js';
import { askedOf, isKnownItem, itemOf, leadOf } from './heard.js';
import { addPart, firstWhole, waitsFor, type PartitionMemory, type TenantMemory } from './memory.js';
import { countPast, type PastAsked, type PastSource } from './past.js';
import { see } from './presence.js';
import { Run, type LeadSource, type Tools } from './run.js';
import { settle, takeBack } from './settle.js';
import type { Changes } from './changes.js';
import { hearWindow, isOvertaken, WINDOW_TYPES } from './windows.js';

const HOUR_MS = 3_600_000;
/** Counters of buckets that ended longer ago are forgotten: an hour more than the rolling hour needs. */
const KEEP_ENDED_MS = 2 * HOUR_MS;

/** What the engine listens to: all of it is keyed by the tenant, and passes through one queue per partition. */
export const HEARD_TYPES: readonly string[] = [
  ...[
    LeadReceived, ConfigurationChanged, DistributionRequested, OutboundLeadAccepted, OutboundLeadRejected, OutboundLeadFailed,
    OutboundLeadUnresolved, EndpointSuspended, EndpointResumed, LeadReturned, UserSeen,
  ].map((event) => event.type),
  ...WINDOW_TYPES,
];
export const HEARD_TOPICS: readonly string[] = [LeadReceived, ConfigurationChanged, OutboundLeadAccepted, LeadReturned, UserSeen].map(
  (event) => event.topic.name);

export interface BatchHeard {
  readonly topic: string;
  readonly events: readonly Heard[];
}

/** Decides a batch at `now` (epoch ms, never before the memory's) and moves the memory behind it. */
export function step(memory: PartitionMemory, batch: BatchHeard, leads: LeadSource, now: number, tools: Tools, past: PastSource): Changes {
  const steps = stepwise(memory, batch, leads, now, tools, batch.events.length);
  for (let entries: readonly StateEntry[] = []; ;) {
    const { done, value } = steps.next(entries);
    if (done) return value;
    if (value) entries = past(value);
  }
}

/**
 * The same with a pause after each `pace` records, in which other work may go on; nothing else may touch the memory meanwhile. Where it
 * asks for what limits that are new have counted, it goes on with the counters that it is answered.
 */
export function* stepwise(
  memory: PartitionMemory, batch: BatchHeard, leads: LeadSource, now: number, tools: Tools, pace: number,
): Generator<PastAsked | undefined, Changes, readonly StateEntry[]> {
  const run = new Run(memory, batch.events, now, leads, tools);
  sweep(run);
  let sincePause = 0;
  for (const [place, heard] of batch.events.entries()) {
    if (sincePause++ === pace) {
      sincePause = 1;
      yield;
    }
    tellAhead(run, batch.events, place);
    if (heard.type === ConfigurationChanged.type) yield* configure(run, heard as Heard<ConfigurationChanged>);
    else hear(run, heard, batch.topic);
  }
  const { changes } = run;
  for (const tenantId of changes.touched) {
    for (const { key, value } of run.tenant(tenantId).state.takeDirty()) changes.state.push({ tenantId, key, value });
  }
  memory.batchNo = run.batchNo;
  memory.now = now;
  return changes;
}

function hear(run: Run, heard: Heard, topic: string): void {
  switch (heard.type) {
    case LeadReceived.type: return receive(run, heard as Heard<LeadReceived>, topic);
    case DistributionRequested.type: return distribute(run, heard as Heard<DistributionRequested>, topic);
    case OutboundLeadAccepted.type: return settle(run, heard as Heard<OutboundLeadAccepted>, topic, 'accepted');
    case OutboundLeadRejected.type: return settle(run, heard as Heard<OutboundLeadRejected>, topic, 'rejected');
    case OutboundLeadFailed.type: return settle(run, heard as Heard<OutboundLeadFailed>, topic, 'failed');
    case OutboundLeadUnresolved.type: return settle(run, heard as Heard<OutboundLeadUnresolved>, topic, 'unresolved');
    case LeadReturned.type: return takeBack(run, heard as Heard<LeadReturned>, topic);
    case UserSeen.type: return see(run, heard as Heard<UserSeen>);
    case EndpointSuspended.type: return suspend(run, heard as Heard<EndpointSuspended>);
    case EndpointResumed.type: return run.tenant(heard.tenantId).state.suspend((heard as Heard<EndpointResumed>).data.deliveryMethodId, 0);
    default: return WINDOW_TYPES.includes(heard.type) ? hearWindow(run, heard as Heard<WindowOpened>, topic) : undefined;
  }
}

/** A lead rests on the configuration version it was validated against. A lead that is here already came twice, and changes nothing. */
function receive(run: Run, heard: Heard<LeadReceived>, topic: string): void {
  const { tenantId, leadId, configurationVersion } = heard.data;
  const tenant = run.tenant(tenantId);
  if (configurationVersion > tenant.version) return run.wait(heard, topic, 'version', String(configurationVersion));
  if (run.lead(tenantId, leadId)) return;
  const stored = { lead: leadOf(heard.data), life: newLife(), attempts: [], windowGeneration: 0, window: undefined, heldSince: undefined };
  run.keep(stored, true);
  const { market } = tenant;
  const isPushed = market.workflowOf(stored.lead.campaignId) === undefined && market.strategiesOf(stored.lead.campaignId).length > 0;
  attempt(run, tenant, stored, { request: { trigger: isPushed ? 'push' : 'arrival' } }, heard);
  const line = waitsFor({ tenantId, kind: 'lead', restsOn: leadId });
  for (const waited of run.release(line, () => true)) hear(run, waited.heard, waited.topic);
}

/** What a window, a timer or a person asks for. A request that was answered already, or that a change overtook, does nothing. */
function distribute(run: Run, heard: Heard<DistributionRequested>, topic: string): void {
  const { tenantId, leadId, requestId, trigger, workflowId, configurationVersion = 0, windowGeneration = 0 } = heard.data;
  const tenant = run.tenant(tenantId);
  if (configurationVersion > tenant.version) return run.wait(heard, topic, 'version', String(configurationVersion));
  const stored = run.lead(tenantId, leadId);
  if (!stored) return run.wait(heard, topic, 'lead', leadId);
  if (stored.attempts.some((attempted) => attempted.requestId === requestId)) return;
  if (trigger === 'window' && isOvertaken(stored, windowGeneration, workflowId)) return;
  // The timer of a lead that is held asks by no window. Somebody took it since that was set.
  const isOfHold = trigger === 'push' || (trigger === 'window' && windowGeneration === 0);
  if (isOfHold && stored.heldSince === undefined) return;
  const noted = windowGeneration > stored.windowGeneration ? { ...stored, windowGeneration } : stored;
  attempt(run, tenant, noted, {
    ...askedOf(heard.data, tenant.market), ...(noted.windowGeneration > 0 ? { windowGeneration: noted.windowGeneration } : {}),
  }, heard);
}

function suspend(run: Run, { tenantId, data }: Heard<EndpointSuspended>): void {
  run.tenant(tenantId).state.suspend(data.deliveryMethodId, data.until ? Date.parse(data.until) : Infinity);
}

type Counting = Generator<PastAsked, void, readonly StateEntry[]>;

/** A version is taken whole or not at all, and only after every version before it. */
function* configure(run: Run, { tenantId, data, traceparent }: Heard<ConfigurationChanged>): Counting {
  const { version, part, parts } = data;
  const tenant = run.tenant(tenantId);
  if (version <= tenant.version) return;
  const items = data.items.filter(isKnownItem).map(itemOf);
  addPart(tenant, { version, part, parts, items });
  run.changes.parts.push({ tenantId, version, part, parts, items: JSON.stringify(items) });
  for (let next = firstWhole(tenant); next !== undefined; next = firstWhole(tenant)) {
    yield* takeVersion(run, tenant, next, traceparent);
  }
}

function* takeVersion(run: Run, tenant: TenantMemory, version: number, traceparent: string | undefined): Counting {
  const { tenantId } = tenant;
  const { changes } = run;
  const parts = [...tenant.incomplete.get(version)!.got].sort(([a], [b]) => a - b);
  const items = new Map<string, ConfigItem>();
  for (const [, list] of parts) for (const item of list) items.set(`${item.kind}\n${item.id}`, item);
  tenant.market.change(items.values());
  const limits = tenant.state.follow(tenant.market, run.now);
  // Before its first version nobody was sold anything.
  if (limits.length > 0 && tenant.version > 0) yield* countPast(run, tenant, version, limits);
  tenant.deadlines.clear();
  tenant.version = version;
  tenant.incomplete.delete(version);
  for (const { kind, id, entry, body } of items.values()) {
    changes.items.push({ tenantId, kind, id, version, entry, body: body === null ? null : JSON.stringify(body) });
  }
  changes.versions.push({ tenantId, version });
  // Parts that came in this very batch need not be stored any more.
  for (let place = changes.parts.length - 1; place >= 0; place--) {
    const row = changes.parts[place]!;
    if (row.tenantId === tenantId && row.version === version) changes.parts.splice(place, 1);
  }
  changes.said.push(EngineConfigured.make({ tenantId, version }, { id: run.id(), time: run.now, traceparent }));
  const line = waitsFor({ tenantId, kind: 'version', restsOn: '' });
  for (const { heard, topic } of run.release(line, (restsOn) => Number(restsOn) <= version)) hear(run, heard, topic);
}

/** Once an hour, by the clock of the batches alone. */
function sweep(run: Run): void {
  const { memory, now } = run;
  if (Math.floor(now / HOUR_MS) === Math.floor(memory.now / HOUR_MS)) return;
  for (const { tenantId, state } of memory.tenants.values()) {
    const keys = state.sweep(now - KEEP_ENDED_MS);
    if (keys.length > 0) run.tenant(tenantId);
    for (const key of keys) run.changes.forgotten.push({ tenantId, key });
  }
}
