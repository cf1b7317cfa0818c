import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { Booted, reserved } from './booted.suite.js';
import { Receiver } from './receiver.suite.js';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const exporter = new InMemorySpanExporter();
let delivery: Booted;
let receiver: Receiver;

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  receiver = await Receiver.start();
  delivery = await Booted.start();
  for (const tenant of ['t1', 't2']) {
    const url = receiver.on(`twice/${tenant}`, (response, _, nth) => response.writeHead(nth === 1 ? 503 : 200).end());
    await delivery.configure(tenant, 1, { twice: { url, retry: { delays: ['PT0.1S'], jitter: 0 } } });
  }
});

afterAll(async () => {
  await delivery.stop();
  await receiver.stop();
  trace.disable();
  propagation.disable();
  context.disable();
});

it('makes one span an attempt in the trace of the lead, hands that on to the client and the outcome, and tells nothing personal', async () => {
  for (const tenant of ['t1', 't2']) {
    const lead = reserved(tenant, 'twice', {}, `00-${TRACE}-b7ad6b7169203331-01`);
    delivery.vault!.leads.set(lead.leadId, { email: 'zz.canary@example.com' });
    await delivery.say(tenant, [lead]);
    await delivery.outcomes(lead.outboundLeadId);
    const spans = exporter.getFinishedSpans().filter((span) => span.attributes['outbound_lead.id'] === lead.outboundLeadId);
    expect(spans.map((span) => [span.name, span.spanContext().traceId, span.attributes['delivery.outcome'], span.attributes['http.response.status_code']]))
      .toEqual([['deliver', TRACE, 'retry', 503], ['deliver', TRACE, 'accepted', 200]]);
    const parents = spans.map((span) => `00-${TRACE}-${span.spanContext().spanId}-01`);
    expect(receiver.at(`twice/${tenant}`).map((one) => one.headers['traceparent'])).toEqual(parents);
    const accepted = (await delivery.heard({ type: 'sluice.delivery.v1.OutboundLeadAccepted' })).find(({ data }) => data['outboundLeadId'] === lead.outboundLeadId);
    expect(accepted!.traceparent).toBe(parents[1]);
  }
  expect(JSON.stringify(exporter.getFinishedSpans().map(({ name, attributes, status }) => ({ name, attributes, status })))).not.toContain('canary');
});
