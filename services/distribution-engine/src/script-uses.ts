/**
 * What scripts did in a batch: counted for their reports, and said where one failed. A script that fails for every lead is said once a
 * batch, as an alert for each would bury the first.
 */
import type { Decision, ScriptNote } from '@sluice/distribution';
import { ScriptFailed } from '@sluice/events';
import type { StoredLead } from './changes.js';
import type { Run } from './run.js';

/** A counter of a script's report; `contractId` is empty where it is of no contract. */
export interface ScriptCount {
  readonly tenantId: string;
  readonly scriptId: string;
  readonly version: number;
  readonly what: string;
  readonly contractId: string;
  count: number;
}

/** A lead that a script in shadow would have sent elsewhere. */
export interface ScriptExample {
  readonly tenantId: string;
  readonly scriptId: string;
  readonly version: number;
  readonly leadId: string;
  readonly attemptId: string;
  readonly lost: readonly string[];
  readonly won: readonly string[];
}

export interface FailedScript extends Pick<ScriptNote, 'hook' | 'reason'> {
  readonly tenantId: string;
  readonly scriptId: string;
  readonly version: number;
  readonly leadId: string;
}

export interface ScriptUses {
  readonly counts: Map<string, ScriptCount>;
  readonly examples: ScriptExample[];
  readonly failed: FailedScript[];
}

export function noScriptUses(): ScriptUses {
  return { counts: new Map(), examples: [], failed: [] };
}

/** Examples of a batch: a report shows a few of the newest. */
const EXAMPLES_MAX = 5;

export function useScripts(run: Run, { lead }: StoredLead, { scripts = [] }: Decision, attemptId: string, traceparent?: string): void {
  const { tenantId, leadId } = lead;
  const { counts, examples, failed } = run.changes.scripts;
  for (const note of scripts) {
    const { id: scriptId, version, status, reason, lost = [], won = [] } = note;
    const add = (what: string, contractId = '') => {
      const key = `${tenantId}\n${scriptId}\n${version}\n${what}\n${contractId}`;
      const known = counts.get(key);
      if (known) known.count++; else counts.set(key, { tenantId, scriptId, version, what, contractId, count: 1 });
    };
    add(reason === undefined ? status : `${status} ${reason}`);
    if (status === 'failed') sayFailed(run, note, { tenantId, scriptId, version, leadId, hook: note.hook, reason }, traceparent);
    if (lost.length + won.length === 0) continue;
    add('differed');
    for (const contractId of lost) add('lost', contractId);
    for (const contractId of won) add('won', contractId);
    if (examples.filter((other) => other.scriptId === scriptId && other.tenantId === tenantId).length < EXAMPLES_MAX) {
      examples.push({ tenantId, scriptId, version, leadId, attemptId, lost, won });
    }
  }

  function sayFailed(of: Run, note: ScriptNote, fault: FailedScript, parent: string | undefined): void {
    if (failed.some((other) => other.tenantId === tenantId && other.scriptId === note.id)) return;
    failed.push(fault);
    of.changes.said.push(ScriptFailed.make({
      tenantId, scriptId: note.id, version: note.version, leadId, hook: note.hook ?? 'filter', reason: REASONS[note.reason ?? ''] ?? 'error',
      at: of.nowText,
    }, { id: of.id(), time: of.now, traceparent: parent }));
  }
}

/** In the event's words. */
const REASONS: Readonly<Record<string, string>> = { steps: 'timeout', time: 'timeout', memory: 'memory', error: 'error', result: 'result' };
