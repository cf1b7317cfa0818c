import { context, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, ParentBasedSampler, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base';
import type { FastifyInstance } from 'fastify';

export interface Telemetry {
  /** Sends what is left, and stops. */
  shutdown(): Promise<void>;
}

/** Sends spans to an OTLP receiver over HTTP. `endpoint` is its base address; `ratio` the share of traces begun here that are kept. */
export function startTelemetry(role: string, endpoint: string, ratio = 1): Telemetry {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  // Baggage is not carried on: it could hold anything, and would travel to clients.
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  const provider = new BasicTracerProvider({
    resource: resourceFromAttributes({ 'service.name': `sluice-${role}` }),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: `${endpoint.replace(/\/$/, '')}/v1/traces` }), { maxQueueSize: 16_384, maxExportBatchSize: 1_024 })],
  });
  trace.setGlobalTracerProvider(provider);
  return { shutdown: () => provider.shutdown() };
}

/**
 * One server span a request, under the caller's trace where the request names one. The name is the route, never the path: ids are no
 * names.
 */
export function traceRequests(server: FastifyInstance): void {
  server.addHook('onRequest', (request, reply, done) => {
    const given = request.headers['traceparent'];
    const parent = typeof given === 'string' && given.length === 55 ? propagation.extract(context.active(), { traceparent: given }) : context.active();
    const route = request.routeOptions.url ?? 'unmatched';
    const span = trace.getTracer('sluice').startSpan(`${request.method} ${route}`, {
      kind: SpanKind.SERVER, attributes: { 'http.request.method': request.method, 'http.route': route },
    }, parent);
    reply.raw.once('close', () => {
      span.setAttribute('http.response.status_code', reply.statusCode);
      if (reply.statusCode >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end();
    });
    context.with(trace.setSpan(parent, span), done);
  });
}
