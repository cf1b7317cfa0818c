import { Injectable } from '@nestjs/common';
import { Database, type Tx } from '@sluice/db';
import { crashPoint } from '@sluice/runtime';
import type { Candidate, Outcome } from './candidate.js';
import { CommitFresh } from './commit-fresh.service.js';
import { settleDuplicates, spanMs, type Claim, type Claimant, type Holder } from './duplicates.js';
import { IntakeStore, type KeyRow } from './intake.store.js';
import { PrepareLead } from './prepare-lead.service.js';
import { SaveLeads, type KeptAnswer } from './save-leads.service.js';
import { claimsOfCandidate } from './vault.service.js';

/** A lead of a group commit, and what became of it once the commit is through. */
export interface Entry {
  readonly candidate: Candidate;
  outcome: Outcome | undefined;
}

/** Everything that one transaction does for all leads of a group commit, tenants mixed. */
@Injectable()
export class CommitLeads {
  constructor(
    private readonly database: Database, private readonly store: IntakeStore, private readonly prepare: PrepareLead,
    private readonly save: SaveLeads, private readonly fresh: CommitFresh,
  ) {}

  /** Sets the outcome of every entry. Throws where a transaction did not commit, or where nobody can tell. */
  async commit(entries: readonly Entry[]): Promise<void> {
    const valid = entries.filter(({ candidate }) => candidate.verdict.kind === 'valid');
    const done = valid.length > 0 && (await this.fresh.try(valid, tenantsOf(valid)));
    const rest = done ? entries.filter((entry) => entry.outcome === undefined) : entries;
    if (rest.length > 0) await this.commitWithCare(rest);
    crashPoint('intake.after-commit');
  }

  private async commitWithCare(entries: readonly Entry[]): Promise<void> {
    const tenants = tenantsOf(entries);
    await this.database.transaction({ service: 'intake', tenants, pipelined: true }, async (tx) => {
      await this.renewVerdicts(tx, tenants, entries);
      const { fresh, followers } = await this.leaveReplays(tx, entries);
      await this.decide(tx, fresh);
      for (const { entry, leader } of followers) entry.outcome = replayOf(entry, leader);
      const rows = this.save.rows(fresh);
      // What the log says follows in the same round trip.
      const added = rows.length > 0 ? this.store.addLeads(tx, rows) : Promise.resolve();
      added.catch(() => undefined);
      await this.save.rest(tx, fresh, rows);
      tx.beforeCommit(async () => {
        await added;
        crashPoint('intake.before-commit');
      });
    });
  }

  /** Those of the entries that a transaction of unknown end did store. */
  async stored(entries: readonly Entry[]): Promise<Set<string>> {
    const ids = entries.map(({ candidate }) => candidate.id);
    return this.database.transaction({ service: 'intake', tenants: tenantsOf(entries) }, (tx) => this.store.stored(tx, ids));
  }

  /** A lead that was checked on an older configuration is checked again: once a change is answered, nothing is done on the old terms. */
  private async renewVerdicts(tx: Tx, tenants: readonly string[], entries: readonly Entry[]): Promise<void> {
    const versions = await this.prepare.configuration.lockVersions(tx, tenants);
    for (const tenantId of tenants) {
      const version = versions.get(tenantId) ?? 0;
      const stale = entries.filter(({ candidate }) => candidate.tenantId === tenantId && candidate.verdict.version !== version);
      if (stale.length === 0) continue;
      const configuration = await this.prepare.configuration.load(tx, tenantId);
      for (const { candidate } of stale) candidate.verdict = this.prepare.verdict(configuration, candidate);
    }
  }

  /** Claims idempotency keys. What was answered before is answered again; what comes twice within the group follows the first. */
  private async leaveReplays(tx: Tx, entries: readonly Entry[]) {
    const leaders = new Map<string, Entry>();
    const followers: { entry: Entry; leader: Entry }[] = [];
    for (const entry of entries) {
      if (entry.candidate.idempotencyKey === undefined) continue;
      const leader = leaders.get(keyOf(entry.candidate));
      if (leader) followers.push({ entry, leader });
      else leaders.set(keyOf(entry.candidate), entry);
    }
    await this.claim(tx, [...leaders.values()]);
    const following = new Set(followers.map(({ entry }) => entry));
    return { fresh: entries.filter((entry) => entry.outcome === undefined && !following.has(entry)), followers };
  }

  private async claim(tx: Tx, leaders: readonly Entry[]): Promise<void> {
    if (leaders.length === 0) return;
    // What is invalid claims nothing, since it may be mended and sent again; but it may repeat what was valid once.
    const claiming = leaders.filter(({ candidate }) => candidate.verdict.kind === 'valid').map(rowOfKey);
    const claimed = claiming.length > 0 ? await this.store.claimKeys(tx, claiming, leaders[0]!.candidate.receivedAt) : 0;
    if (claimed === leaders.length) return;
    const rows = await this.store.readKeys(tx, leaders.map(rowOfKey));
    const stored = new Map(rows.map((row) => [`${row.tenantId}\n${row.sourceId}\n${row.key}`, row]));
    for (const entry of leaders) {
      const row = stored.get(keyOf(entry.candidate));
      if (row && row.leadId !== entry.candidate.id) entry.outcome = answerOf(row, entry.candidate);
    }
  }

  private async decide(tx: Tx, fresh: readonly Entry[]): Promise<void> {
    const claimants: Claimant[] = [];
    for (const entry of fresh) {
      const { verdict, id: leadId, receivedAt } = entry.candidate;
      if (verdict.kind === 'invalid') {
        entry.outcome = { kind: 'rejected', reason: verdict.reason, rejectionId: leadId, faults: verdict.faults, replayed: false };
        continue;
      }
      claimants.push({ leadId, receivedAt, policy: verdict.campaign.duplicates, claims: claimsOfCandidate(entry.candidate) });
    }
    const { duplicates } = await this.settle(tx, claimants);
    for (const entry of fresh) {
      if (entry.outcome) continue;
      const { id } = entry.candidate;
      const duplicate = duplicates.get(id);
      entry.outcome = duplicate?.then === 'reject'
        ? { kind: 'rejected', reason: 'duplicate', rejectionId: id, faults: [], duplicateOf: duplicate.of, replayed: false }
        : { kind: 'accepted', leadId: id, duplicateOf: duplicate?.of, replayed: false };
    }
  }

  /** Claims the fingerprints of the group, settles it, and corrects the claims where the first to claim is not who holds in the end. */
  private async settle(tx: Tx, claimants: readonly Claimant[]) {
    const first = new Map<string, { claim: Claim; holder: Holder }>();
    for (const { leadId, receivedAt, policy, claims } of claimants) {
      for (const claim of claims) {
        const key = claim.fingerprint;
        if (!first.has(key)) first.set(key, { claim, holder: { leadId, seenAt: receivedAt, until: receivedAt + spanMs(claim, policy) } });
      }
    }
    const before = first.size > 0 ? await this.store.claimFingerprints(tx, [...first.values()]) : new Map<string, Holder>();
    const settled = settleDuplicates(claimants, before);
    const changes: { claim: Claim; holder: Holder | undefined }[] = [];
    for (const [key, { claim, holder }] of first) {
      const after = settled.holders.get(key);
      if (after?.leadId !== (before.get(key) ?? holder).leadId) changes.push({ claim, holder: after });
    }
    if (changes.length > 0) await this.store.correctFingerprints(tx, changes);
    return settled;
  }
}

function tenantsOf(entries: readonly Entry[]): string[] {
  return [...new Set(entries.map(({ candidate }) => candidate.tenantId))];
}

function keyOf({ tenantId, sourceId, idempotencyKey }: Candidate): string {
  return `${tenantId}\n${sourceId}\n${idempotencyKey}`;
}

function rowOfKey({ candidate: { tenantId, sourceId, idempotencyKey, payloadHash, id } }: Entry) {
  return { tenantId, sourceId, key: idempotencyKey ?? '', fingerprint: payloadHash, leadId: id };
}

/** What a key was answered before; refused where it stood for another body. */
function answerOf(row: KeyRow, { payloadHash }: Candidate): Outcome {
  if (row.fingerprint !== payloadHash) return { kind: 'keyReused' };
  const answer = row.answer === null ? undefined : (JSON.parse(row.answer) as KeptAnswer);
  if (answer?.rejected) {
    return { kind: 'rejected', reason: 'duplicate', rejectionId: row.leadId, faults: [], duplicateOf: answer.duplicateOf, replayed: true };
  }
  return { kind: 'accepted', leadId: row.leadId, duplicateOf: answer?.duplicateOf, replayed: true };
}

/** The same key twice within one group. */
function replayOf({ candidate }: Entry, leader: Entry): Outcome {
  const { outcome } = leader;
  if (leader.candidate.payloadHash !== candidate.payloadHash || outcome === undefined) return { kind: 'keyReused' };
  return outcome.kind === 'accepted' || outcome.kind === 'rejected' ? { ...outcome, replayed: true } : outcome;
}
