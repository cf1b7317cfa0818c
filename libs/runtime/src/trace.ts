import { context, propagation, SpanKind, trace, type Attributes, type Context, type Span } from '@opentelemetry/api';

const tracer = () => trace.getTracer('sluice');

/** The W3C form of a span, to travel with an event or a request; undefined where nothing records. */
export function traceparentOf(span: Span | undefined = trace.getActiveSpan()): string | undefined {
  if (!span) return undefined;
  const { traceId, spanId, traceFlags } = span.spanContext();
  if (/^0+$/.test(traceId)) return undefined;
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
}

/** The context that a traceparent stands for; the empty one where there is none or it is malformed. */
export function contextOf(traceparent: string | undefined): Context {
  if (!traceparent) return context.active();
  return propagation.extract(context.active(), { traceparent });
}

/**
 * A span that is already over: hot paths record what they did for one lead of a batch without holding spans open. Returns its
 * traceparent.
 */
export function recordSpan(
  name: string,
  parent: string | undefined,
  times: { readonly start: number; readonly end: number },
  attributes: Attributes = {},
  kind: SpanKind = SpanKind.INTERNAL,
): string | undefined {
  const span = tracer().startSpan(name, { kind, startTime: times.start, attributes }, contextOf(parent));
  span.end(times.end);
  return traceparentOf(span) ?? parent;
}

/** Runs work inside a span, marks it where the work throws, and ends it. */
export async function withSpan<T>(
  name: string,
  options: { readonly parent?: string | undefined; readonly kind?: SpanKind; readonly attributes?: Attributes },
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const parent = options.parent ? contextOf(options.parent) : context.active();
  const span = tracer().startSpan(name, { kind: options.kind ?? SpanKind.INTERNAL, attributes: options.attributes ?? {} }, parent);
  try {
    return await context.with(trace.setSpan(parent, span), () => work(span));
  } catch (error) {
    span.setStatus({ code: 2, message: error instanceof Error ? error.name : 'error' });
    throw error;
  } finally {
    span.end();
  }
}

export { SpanKind };
