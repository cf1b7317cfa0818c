import type { Writable } from 'node:stream';
import { lineText } from './answer.js';
import type { AcceptLead } from './accept-lead.service.js';
import type { BatchLine } from './batch-lines.service.js';
import type { Candidate, Outcome } from './candidate.js';
import type { TenantConfiguration } from './configuration.service.js';
import type { Overload } from './overload.service.js';
import type { CallingSource, PrepareLead } from './prepare-lead.service.js';

/** Lines whose results are not written yet: enough to fill two group commits, and all the memory that a batch takes. */
const WINDOW = 1_000;
/** Results that a client has not read, bytes. One that writes without reading is held up here. */
const UNREAD_MAX = 1_048_576;

/** Each try takes more than a second by itself: a minute in all, in which a database restarts. */
const TRIES = 30;
const BETWEEN_TRIES_MS = 1_000;

interface Slot {
  readonly line: number;
  outcome: Outcome | undefined;
}

export interface BatchRequest {
  readonly source: CallingSource;
  readonly idempotencyKey: string | undefined;
  readonly traceparent: string | undefined;
  readonly lines: AsyncIterable<BatchLine[]>;
  /** Where result lines go. */
  readonly output: Writable;
  /** True once nobody is there any more. */
  readonly gone: () => boolean;
}

/** A stream of leads of any length: taken in as fast as they commit, answered line by line in order, paused where there is no room. */
export class ReceiveBatch {
  constructor(private readonly prepare: PrepareLead, private readonly accept: AcceptLead, private readonly overload: Overload) {}

  /** Answers when every line is answered. Throws what the lines throw, after the results of all lines before. */
  async run(request: BatchRequest): Promise<void> {
    const results = new Results(request.output);
    try {
      for await (const lines of request.lines) {
        for (const line of lines) {
          if (this.overload.retryAfterS() !== undefined && !(await this.overload.room(request.gone))) return;
          if (results.full) await results.room();
          if (request.gone()) return;
          const { tenantId } = request.source;
          const configuration = this.prepare.configuration.cached(tenantId) ?? (await this.prepare.configuration.of(tenantId));
          this.take(request, configuration, line, results);
        }
      }
    } finally {
      await results.written();
    }
  }

  private take(request: BatchRequest, configuration: TenantConfiguration, { line, body, unreadable }: BatchLine, results: Results): void {
    const { source, idempotencyKey: key, traceparent } = request;
    // The key of a line is that of the request and its number: a batch that is sent again from the start is answered with replays.
    const about = { idempotencyKey: key === undefined ? undefined : `${key}/${line}`, traceparent, waits: false };
    const candidate = this.prepare.candidate(source, configuration, body, about, unreadable);
    const slot: Slot = { line, outcome: undefined };
    results.add(slot);
    this.settle(candidate, 1, (outcome) => {
      slot.outcome = outcome;
      results.settled();
    });
  }

  /** While the database is away a stream waits for it; its sender would only come again with the same line. */
  private settle(candidate: Candidate, attempt: number, done: (outcome: Outcome) => void): void {
    void this.accept.accept(candidate).then((outcome) => {
      if (outcome.kind !== 'unavailable' || attempt >= TRIES) done(outcome);
      else setTimeout(() => this.settle(candidate, attempt + 1, done), BETWEEN_TRIES_MS);
    });
  }
}

/** Results in the order of their lines, however their commits end. */
class Results {
  private slots: Slot[] = [];
  private wake: (() => void) | undefined;
  private scheduled = false;

  constructor(private readonly output: Writable) {
    output.on('drain', () => this.wake?.());
    output.on('close', () => this.wake?.());
  }

  get full(): boolean {
    return this.slots.length >= WINDOW || (this.output.writableLength > UNREAD_MAX && !this.output.destroyed);
  }

  add(slot: Slot): void {
    this.slots.push(slot);
  }

  /** One write for all that one commit settled. */
  settled(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      this.flush();
      this.wake?.();
    });
  }

  async room(): Promise<void> {
    while (this.full) await this.change();
  }

  async written(): Promise<void> {
    while (this.slots.length > 0) await this.change();
  }

  private change(): Promise<void> {
    return new Promise((resolve) => { this.wake = resolve; });
  }

  private flush(): void {
    let text = '';
    let done = 0;
    for (const { line, outcome } of this.slots) {
      if (!outcome) break;
      text += `${lineText(line, outcome)}\n`;
      done++;
    }
    if (done === 0) return;
    this.slots = this.slots.slice(done);
    if (!this.output.destroyed) this.output.write(text);
  }
}
