import type { IncomingHttpHeaders } from 'node:http';
import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AccessRules, Clock, Log, Problem, signPrincipal, traceparentOf } from '@sluice/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Agent, request as send } from 'undici';
import { AdminAuthenticator } from './admin-authenticator.service.js';
import { GatewaySettings } from './config.js';
import { routes, type Forwarded } from './routes.js';

/** A change of configuration may wait ten minutes for its answer; a stream of leads may take any time. */
const ANSWER_MS = 620_000;
/** Headers that are between two neighbours (RFC 9110), and those that the gateway sets itself. */
const OWN = new Set([
  'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect', 'host',
]);

/** What a forward needs of the composition root. */
@Injectable()
export class ForwardTools {
  constructor(readonly rules: AccessRules, readonly clock: Clock, readonly log: Log) {}
}

/** Passes requests for other services on to where they run, as streams. An admin key becomes a service credential that names the caller. */
@Injectable()
export class ForwardService implements OnApplicationShutdown {
  private readonly agent = new Agent({ connections: 256, headersTimeout: ANSWER_MS, bodyTimeout: 0, keepAliveTimeout: 30_000 });

  constructor(
    host: HttpAdapterHost, private readonly settings: GatewaySettings, private readonly authenticator: AdminAuthenticator,
    private readonly tools: ForwardTools,
  ) {
    const server = host.httpAdapter?.getInstance() as FastifyInstance | undefined;
    if (server) this.register(server);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.agent.destroy();
  }

  private register(server: FastifyInstance): void {
    const served = routes.filter((route) => this.addressOf(route.service));
    if (served.length === 0) return;
    // A scope of its own: bodies are not read here, whatever their type.
    server.register(async (scope) => {
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_, payload, done) => done(null, payload));
      for (const { service, methods, url } of served) {
        scope.route({ method: [...methods], url, handler: (request, reply) => this.forward(service, request, reply) });
      }
    });
  }

  private addressOf(service: Forwarded): string | undefined {
    const { values } = this.settings;
    return {
      intake: values.SLUICE_INTAKE_URL, workflow: values.SLUICE_WORKFLOW_URL, engine: values.SLUICE_ENGINE_URL,
      delivery: values.SLUICE_DELIVERY_URL,
    }[service];
  }

  private async forward(service: Forwarded, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    // Where the caller goes away, so does the request: nobody waits for its answer.
    const gone = new AbortController();
    reply.raw.once('close', () => { if (!reply.raw.writableFinished) gone.abort(); });
    try {
      const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
      const bodiless = request.method === 'GET' || (length === undefined && coding === undefined);
      const answer = await send(new URL(request.raw.url ?? '/', this.addressOf(service)), {
        method: request.method as 'GET', dispatcher: this.agent, signal: gone.signal,
        headers: await this.headersFor(request.headers),
        ...(bodiless ? {} : { body: request.raw }),
      });
      reply.status(answer.statusCode);
      for (const [name, value] of Object.entries(answer.headers)) if (value !== undefined && !OWN.has(name)) reply.header(name, value);
      return reply.send(answer.body);
    } catch (error) {
      if (gone.signal.aborted) return reply;
      this.tools.log.warn({ service, error: codeOf(error) }, 'a request could not be forwarded');
      const problem = new Problem(503, 'service_unavailable', `The ${service} service does not answer; nothing is known to be lost. Send the request again, with the same Idempotency-Key.`,
        [], { 'retry-after': '2' });
      return reply.status(problem.status).headers(problem.headers).type('application/problem+json').send(JSON.stringify(problem.document()));
    }
  }

  /** The caller's headers but for those between neighbours. Only this process knows admin keys; a source's key is intake's to judge. */
  private async headersFor(given: IncomingHttpHeaders): Promise<Record<string, string | string[]>> {
    const headers: Record<string, string | string[]> = {};
    for (const [name, value] of Object.entries(given)) if (value !== undefined && !OWN.has(name)) headers[name] = value;
    const [scheme, key] = (given.authorization ?? '').split(' ');
    const principal = scheme?.toLowerCase() === 'bearer' && key ? await this.authenticator.authenticate(key) : undefined;
    if (principal) headers['authorization'] = `Service ${signPrincipal(principal, this.tools.rules.serviceSecret, this.tools.clock.now())}`;
    const traceparent = traceparentOf();
    if (traceparent) headers['traceparent'] = traceparent;
    return headers;
  }
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? (error instanceof Error ? error.name : 'unknown');
}
