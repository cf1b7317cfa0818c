import { isUtf8 } from 'node:buffer';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { Log, Problem, traceparentOf } from '@sluice/runtime';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { acceptedBody, refusalOf } from './answer.js';
import { BatchFault, csvLines, ndjsonLines } from './batch-lines.service.js';
import { ReceiveBatch } from './receive-batch.service.js';
import { ReceiveLead } from './receive-lead.service.js';
import { SourcesService, type KnownSource } from './sources.service.js';
import { LEAD_BYTES_MAX, readJson, type JsonRead } from './strict-json.js';

/** A request whose source key held; the same place where the composition root's guard would look. */
type Called = FastifyRequest & { source?: KnownSource; traceparent?: string | undefined };

const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
const KEY = /^[\x21-\x7e]{1,200}$/;
const WAIT_MAX_S = 30;

/**
 * The way in for leads: `POST /v1/leads` and `POST /v1/leads:batch`, as handlers of Fastify itself. Nest's pipeline costs as much again
 * as the whole request (measured: 20 to 28 µs), and parses a body before anybody could refuse it.
 */
@Injectable()
export class InboundLeadsController implements OnModuleInit, OnModuleDestroy {
  constructor(
    private readonly adapters: HttpAdapterHost, private readonly sources: SourcesService, private readonly receive: ReceiveLead,
    private readonly batches: ReceiveBatch, private readonly log: Log,
  ) {}

  onModuleInit(): void {
    const server = this.adapters.httpAdapter?.getInstance<FastifyInstance>() as FastifyInstance | undefined;
    // A process that only hears events has no HTTP.
    void server?.register((scope, _options, done) => {
      this.routes(scope);
      done();
    });
  }

  async onModuleDestroy(): Promise<void> {
    await this.receive.drain();
  }

  private routes(scope: FastifyInstance): void {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('application/json', { parseAs: 'buffer', bodyLimit: LEAD_BYTES_MAX }, (_request, body, done) => done(null, body));
    // Streams pass untouched: their lines have limits, they have none.
    scope.addContentTypeParser(['application/x-ndjson', 'text/csv'], (_request, payload, done) => done(null, payload));
    scope.setErrorHandler((error: FastifyError, _request, reply) => this.fail(error, reply));
    scope.addHook('onRequest', (request, reply, done) => this.admit(request as Called, reply, done));
    scope.post('/v1/leads', (request, reply) => this.one(request as Called, reply));
    // Two colons are one: a single one would begin a parameter.
    scope.post('/v1/leads::batch', (request, reply) => this.batch(request as Called, reply));
  }

  /** Who calls, and whether there is room: both before a byte of the body is read. */
  private admit(request: Called, reply: FastifyReply, done: (error?: Error) => void): void {
    // Here the span of the request is at hand; reading the body leaves its context.
    request.traceparent = traceOf(request);
    const { authorization = '' } = request.headers;
    const key = authorization.startsWith('Bearer ') ? authorization.slice('Bearer '.length) : '';
    const known = this.sources.known(key);
    if (known) return this.welcome(request, known.source, done);
    this.sources.byKey(key).then((source) => this.welcome(request, source, done), done);
  }

  private welcome(request: Called, source: KnownSource | undefined, done: (error?: Error) => void): void {
    if (!source) return done(new Problem(401, 'unauthenticated', 'Send the key of a source as "Authorization: Bearer sluice_src_…".'));
    if (source.paused) return done(new Problem(403, 'source_paused', 'This source is paused; an administrator can set it active.'));
    const encoding = request.headers['content-encoding'];
    if (encoding !== undefined && encoding !== 'identity') return done(new Problem(415, 'unsupported_encoding', 'Send the body without Content-Encoding.'));
    const retryAfterS = this.receive.retryAfterS();
    if (retryAfterS !== undefined) {
      return done(new Problem(429, 'overloaded', 'More leads are coming in than can be decided; send this one again later.', [], { 'retry-after': String(retryAfterS) }));
    }
    // Who sends a file for another campaign than the source's own names it once, not on each line.
    const { campaign } = request.query as { campaign?: unknown };
    request.source = typeof campaign === 'string' && campaign !== '' ? { ...source, campaignId: campaign } : source;
    done();
  }

  private async one(request: Called, reply: FastifyReply): Promise<FastifyReply> {
    const source = request.source as KnownSource;
    if (!Buffer.isBuffer(request.body)) throw new Problem(415, 'unsupported_media_type', 'Send one lead as application/json; NDJSON and CSV go to /v1/leads:batch.');
    const waitS = waitOf(request);
    const { outcome, decision } = await this.receive.one(source, readBody(request.body), {
      idempotencyKey: keyOf(request), traceparent: request.traceparent, waitMs: waitS * 1000 });
    if (outcome.kind !== 'accepted') {
      const { status, code, detail, errors, extra } = refusalOf(outcome);
      if (outcome.kind === 'rejected' && outcome.replayed) void reply.header('idempotency-replayed', 'true');
      return send(reply, new Problem(status, code, detail, errors, status === 503 ? { 'retry-after': '1' } : {}), extra);
    }
    if (outcome.replayed) void reply.header('idempotency-replayed', 'true');
    if (waitS > 0) void reply.header('preference-applied', `wait=${waitS}`);
    return reply.code(decision ? 200 : 202).header('content-type', 'application/json').send(JSON.stringify(acceptedBody(outcome, decision)));
  }

  private async batch(request: Called, reply: FastifyReply): Promise<void> {
    const source = request.source as KnownSource;
    const type = request.headers['content-type'] ?? '';
    if (Buffer.isBuffer(request.body) || request.body === undefined) {
      throw new Problem(415, 'unsupported_media_type', 'Send a batch as application/x-ndjson or text/csv.');
    }
    const input = request.raw as AsyncIterable<Buffer>;
    const idempotencyKey = keyOf(request);
    const output = reply.raw;
    reply.hijack();
    output.on('error', () => undefined);
    output.setHeader('content-type', 'application/x-ndjson');
    output.setHeader('cache-control', 'no-store');
    try {
      await this.batches.run({
        source, idempotencyKey, traceparent: request.traceparent, output, gone: () => output.destroyed,
        lines: type.startsWith('text/csv') ? csvLines(input) : ndjsonLines(input),
      });
      output.end();
    } catch (error) {
      this.breakOff(error, output, source);
    }
  }

  /** Results that went out stand. A header that means nothing is refused as a whole; a stream that breaks ends without its last chunk. */
  private breakOff(error: unknown, output: FastifyReply['raw'], source: KnownSource): void {
    if (output.destroyed) return;
    if (!(error instanceof BatchFault)) this.log.warn({ tenantId: source.tenantId, sourceId: source.sourceId, ...nameOf(error) }, 'a batch broke off');
    if (error instanceof BatchFault && output.headersSent) {
      output.end(`${JSON.stringify({ status: 'aborted', code: 'unreadable', detail: error.message })}\n`);
    } else if (error instanceof BatchFault) {
      const problem = new Problem(400, 'invalid_csv', error.message);
      output.writeHead(400, { 'content-type': 'application/problem+json' });
      output.end(JSON.stringify(problem.document()));
    } else output.destroy();
  }

  private fail(error: FastifyError | Problem, reply: FastifyReply): FastifyReply {
    if (error instanceof Problem) return send(reply, error);
    const status = error.statusCode ?? 500;
    if (status === 413) return send(reply, new Problem(413, 'too_large', `A lead has at most ${LEAD_BYTES_MAX} bytes.`));
    if (status === 415) return send(reply, new Problem(415, 'unsupported_media_type', 'Send application/json, or a batch as application/x-ndjson or text/csv.'));
    if (status < 500) return send(reply, new Problem(status, 'bad_request', 'The request cannot be read.'));
    this.log.error(nameOf(error), 'a lead could not be received');
    return send(reply, new Problem(500, 'internal', 'Something went wrong here; send the lead again with the same Idempotency-Key.'));
  }
}

function readBody(body: Buffer): JsonRead {
  return isUtf8(body) ? readJson(body.toString('utf8')) : { fault: { pointer: '', code: 'encoding', message: 'Expected UTF-8.' } };
}

function keyOf(request: FastifyRequest): string | undefined {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && KEY.test(key)) return key;
  throw new Problem(400, 'invalid_idempotency_key', 'An Idempotency-Key has 1 to 200 visible ASCII characters.');
}

/** The span that is open, else what the caller sent; anything that is no traceparent begins a new trace. */
function traceOf(request: FastifyRequest): string | undefined {
  const sent = request.headers['traceparent'];
  return traceparentOf() ?? (typeof sent === 'string' && TRACEPARENT.test(sent) ? sent : undefined);
}

function waitOf(request: FastifyRequest): number {
  const prefer = request.headers['prefer'];
  const asked = typeof prefer === 'string' ? /(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])/.exec(prefer)?.[1] : undefined;
  return asked === undefined ? 0 : Math.min(Number(asked), WAIT_MAX_S);
}

function send(reply: FastifyReply, problem: Problem, extra: Readonly<Record<string, unknown>> = {}): FastifyReply {
  return reply.code(problem.status).headers(problem.headers).header('content-type', 'application/problem+json')
    .send(JSON.stringify({ ...problem.document(), ...extra }));
}

function nameOf(error: unknown): Record<string, unknown> {
  const { code, name } = error as { code?: unknown; name?: unknown };
  return { error: typeof name === 'string' ? name : 'unknown', code: typeof code === 'string' ? code : undefined };
}
