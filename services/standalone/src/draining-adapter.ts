import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyRequest, FastifyServerOptions } from 'fastify';

/** For longer than any request but a stream or one that prefers to wait takes; whoever supervises the process waits longer still. */
const DRAIN_MS = 5_000;
const LOOK_MS = 20;

/**
 * Answers what it has begun before it closes: a lead that was accepted while the process is stopped must not lose its answer. Takes no new
 * connection meanwhile, and cuts what is still open afterwards, such as the live stream.
 */
export class DrainingAdapter extends FastifyAdapter {
  private readonly begun = new Set<FastifyRequest>();

  constructor(options: FastifyServerOptions, private readonly drainMs = DRAIN_MS) {
    super(options);
    const server = this.getInstance() as unknown as FastifyInstance;
    server.addHook('onRequest', (request, _, done) => { this.begun.add(request); done(); });
    server.addHook('onResponse', (request, _, done) => { this.begun.delete(request); done(); });
    server.addHook('onRequestAbort', (request, done) => { this.begun.delete(request); done(); });
  }

  override async close(): Promise<void> {
    this.getHttpServer().close();
    const until = performance.now() + this.drainMs;
    while (this.open() > 0 && performance.now() < until) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    await super.close();
  }

  /** Answers that are awaited; who took his answer into his own hands, as a stream does, has it already. */
  private open(): number {
    return [...this.begun].filter((request) => !request.raw.destroyed && !isStream(request)).length;
  }
}

function isStream({ raw }: FastifyRequest): boolean {
  return raw.headers.accept === 'text/event-stream' || raw.url?.startsWith('/v1/stream') === true;
}
