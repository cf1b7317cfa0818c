import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { crashPoint } from '@sluice/runtime';
import { AttemptDelivery, type AttemptInput } from './attempt-delivery.service.js';
import { handedOnReport, postponedReport } from './attempt.js';
import { DeliverySettings } from './config.js';
import { EndpointBook } from './endpoint-book.service.js';
import { EndpointHealth } from './endpoint-health.service.js';
import { JobInfra } from './job-infra.service.js';
import { Lanes } from './lanes.js';
import { PersonalFields } from './personal-fields.service.js';
import { SettleAttempts } from './settle-attempts.service.js';
import { WorkSignal } from './work-signal.service.js';
import { WorkStore, type ClaimedDelivery } from './work.store.js';

const LOOK_MS = 1_000;
const CLAIM_MAX = 1_000;
/** While requests run, claims wait for so much room: a claim a freed slot would cost a commit each. */
const BREATH_MS = 4;
const AFTER_FAILURE_MS = 1_000;
const DRAIN_MS_MAX = 25_000;

/** The parts of one attempt, gathered so that the job stays a loop. */
@Injectable()
export class AttemptStages {
  constructor(
    readonly book: EndpointBook, readonly fields: PersonalFields, readonly attempts: AttemptDelivery, readonly results: SettleAttempts,
    readonly health: EndpointHealth,
  ) {}
}

/** Claims what is due, attempts it, writes what came of it. Woken by this process's commits, and looking by itself for what others left. */
@Injectable()
export class DeliveryJob implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly lanes: Lanes;
  private readonly loops: Promise<void>[] = [];
  private stopping = false;
  private after = '0';
  /** Chance for jitter; the schedule itself is pure. */
  private readonly random = Math.random;

  constructor(
    private readonly store: WorkStore, private readonly stages: AttemptStages, private readonly signal: WorkSignal,
      private readonly settings: DeliverySettings,
    private readonly infra: JobInfra,
  ) {
    this.lanes = new Lanes({ total: settings.value.DELIVERY_CONCURRENCY, perEndpoint: settings.value.DELIVERY_ENDPOINT_CONCURRENCY });
  }

  onApplicationBootstrap(): void {
    this.loops.push(this.claimLoop(), this.lookLoop());
  }

  /** Claims no more, hands on what has not been sent, and waits for the answers that are under way and for their commit. */
  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.signal.wake();
    await Promise.all(this.loops);
    for (let waited = 0; this.lanes.size > 0 && waited < DRAIN_MS_MAX; waited += 20) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await this.stages.results.close();
  }

  private async claimLoop(): Promise<void> {
    while (!this.stopping) {
      try {
        const claimed = await this.claimOnce();
        await this.signal.wait(claimed > 0 ? BREATH_MS : this.settings.value.DELIVERY_POLL_MS);
      } catch (error) {
        this.infra.log.error({ error: error instanceof Error ? error.message : 'unknown' }, 'due deliveries cannot be claimed');
        await this.signal.wait(AFTER_FAILURE_MS);
      }
    }
  }

  private async claimOnce(): Promise<number> {
    const now = this.infra.clock.now();
    const total = Math.min(CLAIM_MAX, this.lanes.room(now));
    if (total === 0) return 1;
    const { named, rest } = this.lanes.quotas();
    // One request at a time shows whether an endpoint is well again.
    for (const endpointId of this.stages.health.unwell()) named.set(endpointId, this.lanes.isIdle(endpointId) ? 1 : 0);
    const claims = await this.store.claim({ total, rest, named, after: this.after }, now, this.settings.value.DELIVERY_LEASE_MS);
    crashPoint('delivery.claimed');
    // Whoever comes last this time comes first the next, else the first endpoints would take all the room of a busy process.
    const last = claims.reduce((max, claim) => (BigInt(claim.endpointId) > BigInt(max) ? claim.endpointId : max), '0');
    const wrapped = this.after !== '0';
    this.after = claims.length >= total ? last : '0';
    if (claims.length > 0) await this.begin(claims, now + this.settings.value.DELIVERY_LEASE_MS);
    return claims.length > 0 || wrapped ? 1 : 0;
  }

  private async begin(claims: readonly ClaimedDelivery[], leaseEnds: number): Promise<void> {
    const { book, fields } = this.stages;
    const [loaded, opened] = await Promise.all([this.loaded(claims), fields.open(claims)]);
    if (!loaded) return this.postpone(claims);
    const now = () => this.infra.clock.now();
    for (const claim of claims) {
      const endpoint = book.endpoint(claim);
      this.lanes.run(claim.endpointId, endpoint?.method?.concurrency, now, () => this.attempt({
        claim, endpoint, template: book.template(claim), opened: opened(claim), leaseEnds, random: this.random(),
      }));
    }
  }

  /** How the endpoint did. The lane is free once the answer is there; its commit is waited for apart. */
  private async attempt(input: AttemptInput): Promise<'good' | 'bad' | 'neutral'> {
    const { claim, endpoint } = input;
    try {
      const report = this.stopping ? handedOnReport(claim, this.infra.clock.now()) : await this.stages.attempts.make(input);
      const where = { endpointId: claim.endpointId, tenantId: claim.tenantId, methodId: endpoint?.methodId ?? '' };
      this.stages.results.settle(report, where);
      return report.health ?? 'neutral';
    } catch (error) {
      // A bug. Whether a byte left is not known here: with its lease it becomes an attempt without an answer.
      const about = { tenantId: claim.tenantId, outboundLeadId: claim.outboundLeadId, error: error instanceof Error ? error.name : 'unknown' };
      this.infra.log.error(about, 'an attempt failed inside');
      return 'neutral';
    }
  }

  private async loaded(claims: readonly ClaimedDelivery[]): Promise<boolean> {
    try {
      await this.stages.book.load(claims);
      return true;
    } catch (error) {
      this.infra.log.error({ deliveries: claims.length, error: error instanceof Error ? error.message : 'unknown' }, 'endpoints cannot be read');
      return false;
    }
  }

  /** Nothing of these was sent, and it is known: left to their leases they would count as attempts without an answer. */
  private postpone(claims: readonly ClaimedDelivery[]): void {
    for (const claim of claims) {
      const report = postponedReport(claim, 'endpoint_unreadable', this.infra.clock.now(), this.random());
      this.stages.results.settle(report, { endpointId: claim.endpointId, tenantId: claim.tenantId, methodId: '' });
    }
  }

  private async lookLoop(): Promise<void> {
    while (!this.stopping) {
      try {
        await this.stages.health.look();
      } catch (error) {
        this.infra.log.error({ error: error instanceof Error ? error.message : 'unknown' }, 'the health of endpoints cannot be read');
      }
      for (let waited = 0; waited < LOOK_MS && !this.stopping; waited += 50) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
