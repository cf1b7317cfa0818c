import { Log } from '@sluice/runtime';
import type { Candidate, Outcome } from './candidate.js';
import { CommitLeads, type Entry } from './commit-leads.service.js';
import type { IntakeConfig } from './config.js';

type Limits = Pick<IntakeConfig, 'SLUICE_INTAKE_COMMITS' | 'SLUICE_INTAKE_COMMIT_MAX'>;

interface Waiting extends Entry {
  readonly resolve: (outcome: Outcome) => void;
}

/** Pauses before a group commit is tried again, ms. After the last its leads are answered 503. */
const RETRY_AFTER_MS = [50, 250, 1000];

/**
 * Leads that are worth a transaction of their own while another commits, and for which none waits for more that the network has at hand.
 * A transaction costs both sides as much as a dozen leads, so that handfuls halve what comes through.
 */
const COMPANY = 32;

/**
 * Group commit: what arrived while the last transaction committed shares the next one. Nobody waits for company: a lead alone commits
 * alone, and under load a transaction carries hundreds.
 */
export class AcceptLead {
  private queue: Waiting[] = [];
  private running = 0;
  private taken = 0;
  private scheduled = false;

  constructor(private readonly commits: CommitLeads, private readonly log: Log, private readonly config: Limits) {}

  /** Leads that wait for their commit. */
  get inFlight(): number {
    return this.queue.length + this.taken;
  }

  /** Answers once the lead's transaction is durable, or once it is plain that it will not be. Never throws. */
  accept(candidate: Candidate): Promise<Outcome> {
    return new Promise((resolve) => {
      this.queue.push({ candidate, outcome: undefined, resolve });
      this.schedule();
    });
  }

  /** Answers when nothing is under way any more. */
  async drain(): Promise<void> {
    while (this.inFlight > 0) await pause(10);
  }

  /** Begins once a turn of the event loop has brought no further lead, or once they are company enough: a lead alone waits one turn. */
  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    this.look(0);
  }

  private look(before: number): void {
    setImmediate(() => {
      const { length } = this.queue;
      if (length > before && length < COMPANY) return this.look(length);
      this.scheduled = false;
      this.pump();
    });
  }

  private pump(): void {
    // One transaction carries everything; another is begun beside it only for a handful, or groups would become small.
    const { SLUICE_INTAKE_COMMITS: commits, SLUICE_INTAKE_COMMIT_MAX: most } = this.config;
    while (this.queue.length > 0 && (this.running === 0 || (this.running < commits && this.queue.length >= COMPANY))) {
      const group = this.queue.splice(0, most);
      this.running++;
      this.taken += group.length;
      void this.run(group).finally(() => {
        this.running--;
        this.taken -= group.length;
        if (this.queue.length > 0) this.schedule();
      });
    }
  }

  private async run(group: readonly Waiting[]): Promise<void> {
    let open = group;
    for (let attempt = 0; open.length > 0; attempt++) {
      try {
        await this.commits.commit(open);
        break;
      } catch (error) {
        this.log.warn({ leads: open.length, attempt, ...reasonOf(error) }, 'a group of leads did not commit');
        open = await this.leftOpen(open);
        if (isOfData(error) && open.length > 1) {
          await this.halve(open);
          break;
        }
        const wait = RETRY_AFTER_MS[attempt];
        if (wait === undefined) break;
        if (open.length > 0) await pause(wait);
      }
    }
    for (const { outcome, resolve } of group) resolve(outcome ?? { kind: 'unavailable' });
  }

  /** One lead that the database refuses must not refuse the others: they are parted until it stands alone. */
  private async halve(group: readonly Waiting[]): Promise<void> {
    const middle = group.length >> 1;
    await this.run(group.slice(0, middle));
    await this.run(group.slice(middle));
  }

  /** A commit whose end nobody saw is settled by looking, lead by lead: the fresh ones of a group may be there, and the others not. */
  private async leftOpen(group: readonly Waiting[]): Promise<readonly Waiting[]> {
    const stored = await this.commits.stored(group).catch(() => new Set<string>());
    const open = group.filter(({ candidate }) => !stored.has(candidate.id));
    for (const entry of open) entry.outcome = undefined;
    return open;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** SQLSTATE classes 22 and 23: the data's fault, which no second try mends. */
function isOfData(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  return typeof code === 'string' && (code.startsWith('22') || code.startsWith('23'));
}

/** Codes and names only: the text of a database error may quote a value. */
function reasonOf(error: unknown): Record<string, unknown> {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return { error: typeof name === 'string' ? name : 'unknown', code: typeof code === 'string' ? code : undefined };
}
