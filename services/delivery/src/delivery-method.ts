import { parseDuration, type RetrySchedule } from '@sluice/kernel';
import { RE2JS } from 're2js';
import { z } from 'zod';
import { parsePath, type JsonPath } from './json-path.js';

/**
 * A delivery method as its client's document has it, made ready for use. What it says about the answer is a list of rules: the first of
 * `reject`, then of `accept`, then of `retry` that matches decides.
 */
export interface DeliveryMethod {
  readonly enabled: boolean;
  readonly onUnknown: 'hold' | 'accept' | 'release';
  readonly url: string;
  readonly method: 'POST' | 'PUT';
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Requests at a time, at most; undefined = the service's setting. */
  readonly concurrency: number | undefined;
  readonly accept: readonly Rule[];
  readonly reject: readonly Rule[];
  readonly retry: readonly Rule[];
  readonly schedule: RetrySchedule;
  /** No attempt begins later than this after the reservation. */
  readonly withinMs: number | undefined;
  readonly template: Template;
}

/** What makes the bytes. It is pinned to the version that a lead was reserved under, so that every attempt carries the same. */
export interface Template {
  readonly format: 'json' | 'form' | 'xml' | 'text';
  /** A Liquid template, or a mapping, or neither: all fields as they are. */
  readonly body: string | undefined;
  readonly fields: Mapping | undefined;
}

export type Mapping = { readonly [name: string]: Source };
export type Source = { readonly kind: 'path'; readonly path: JsonPath } | { readonly kind: 'constant'; readonly value: unknown }
  | { readonly kind: 'object'; readonly fields: Mapping };

/** All that a rule names must hold. */
export interface Rule {
  readonly statuses: readonly (readonly [number, number])[];
  readonly bodies: readonly BodyTest[];
  readonly text: RE2JS | undefined;
  readonly reason: { readonly path: JsonPath } | { readonly text: string } | undefined;
  readonly reference: JsonPath | undefined;
  /** The client's no stands even after an attempt whose answer was lost. */
  readonly final: boolean;
}

export interface BodyTest {
  readonly path: JsonPath;
  readonly equals: readonly string[] | undefined;
  readonly matches: RE2JS | undefined;
  readonly exists: boolean | undefined;
}

/** Names that frame, address or sign the request: a client's document may not set them. */
const RESERVED = new RegExp('^(host|content-(length|type)|transfer-encoding|connection|keep-alive|upgrade|expect|te|trailer|proxy-.*|'
  + 'webhook-.*|authorization|cookie|traceparent|tracestate|baggage|accept-encoding)$');
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Eight attempts within 28 hours: a receiver that is down overnight still gets its leads. */
export const DEFAULT_SCHEDULE: RetrySchedule = {
  delaysMs: [5_000, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 10 * HOUR_MS, 10 * HOUR_MS],
};
const DEFAULT_TIMEOUT_MS = 15_000;
/** A claim's lease must outlast the longest request; see the job. */
export const TIMEOUT_MS_MAX = 20_000;

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const duration = z.string().transform((text, context) => {
  try {
    return parseDuration(text);
  } catch {
    context.addIssue({ code: 'custom', message: `expected a duration such as PT15S, got ${JSON.stringify(text)}` });
    return z.NEVER;
  }
});
const path = z.string().transform((text, context) => {
  const steps = parsePath(text);
  if (!steps) context.addIssue({ code: 'custom', message: `expected a path such as $.result, got ${JSON.stringify(text)}` });
  return steps ?? z.NEVER;
});
const regex = z.string().max(1000).transform((text, context) => {
  try {
    return RE2JS.compile(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'expected a regular expression that runs in linear time (no look-around, no back-references)' });
    return z.NEVER;
  }
});
const status = z.union([z.number().int().min(100).max(599), z.string().regex(/^[1-5]xx$/)]).transform((value): readonly [number, number] =>
  typeof value === 'number' ? [value, value] : [Number(value[0]) * 100, Number(value[0]) * 100 + 99]);
const list = <T extends z.ZodType>(item: T) => z.union([z.array(item), item.transform((one) => [one])]);

const bodyTest = z.strictObject({
  path, equals: list(scalar).optional(), in: z.array(scalar).optional(), matches: regex.optional(), exists: z.boolean().optional(),
}).transform((test): BodyTest => ({
  path: test.path,
  equals: test.equals ?? test.in ? [...((test.equals ?? []) as unknown[]), ...(test.in ?? [])].map(plain) : undefined,
  matches: test.matches,
  exists: test.exists,
}));

const ruleShape = {
  status: list(status).optional(),
  body: list(bodyTest).optional(),
  text: z.strictObject({ matches: regex }).optional(),
  reason: z.string().max(200).optional(),
  reference: path.optional(),
  final: z.boolean().optional(),
};
type RuleInput = z.output<z.ZodObject<typeof ruleShape>>;
const rule = z.strictObject(ruleShape).transform(ruleOf);

const retry = z.strictObject({
  ...ruleShape,
  delays: z.array(duration).max(50).optional(),
  first: duration.optional(),
  factor: z.number().min(1).max(10).optional(),
  max: duration.optional(),
  attempts: z.number().int().min(1).max(100).optional(),
  jitter: z.number().min(0).max(2).optional(),
  within: duration.optional(),
});

const mapping: z.ZodType<Mapping> = z.lazy(() => z.record(z.string().min(1).max(100), z.unknown().transform(sourceOf)));

const document = z.looseObject({
  type: z.literal('webhook'),
  enabled: z.boolean().default(true),
  onUnknown: z.enum(['hold', 'accept', 'release']).default('hold'),
  url: z.string().min(1).max(2048),
  method: z.enum(['POST', 'PUT']).default('POST'),
  headers: z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), z.string().max(2000).regex(/^[\t\u0020-\u007e]*$/)).default({}),
  timeout: duration.optional(),
  concurrency: z.number().int().min(1).max(1000).optional(),
  accept: list(rule).optional(),
  reject: list(rule).optional(),
  retry: retry.optional(),
  format: z.enum(['json', 'form', 'xml', 'text']).default('json'),
  body: z.string().max(64 * 1024).optional(),
  fields: mapping.optional(),
}).superRefine((value, context) => {
  for (const name of Object.keys(value.headers)) {
    if (RESERVED.test(name.toLowerCase())) context.addIssue({ code: 'custom', path: ['headers', name], message: 'this header is the platform\'s own' });
  }
  if (value.body !== undefined && value.fields !== undefined) {
    context.addIssue({ code: 'custom', path: ['body'], message: 'give either a body or fields, not both' });
  }
});

export type ParsedMethod = { readonly kind: 'ok'; readonly method: DeliveryMethod } | { readonly kind: 'invalid'; readonly fault: string };

/** A delivery method's document → the method, or its first fault with its place. Keys that it does not know are none of its business. */
export function parseDeliveryMethod(body: unknown): ParsedMethod {
  const parsed = document.safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { kind: 'invalid', fault: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}` };
  }
  const value = parsed.data;
  return {
    kind: 'ok',
    method: {
      enabled: value.enabled,
      onUnknown: value.onUnknown,
      url: value.url,
      method: value.method,
      headers: value.headers,
      timeoutMs: Math.min(value.timeout ?? DEFAULT_TIMEOUT_MS, TIMEOUT_MS_MAX),
      concurrency: value.concurrency,
      accept: value.accept ?? [],
      reject: value.reject ?? [],
      retry: value.retry && (value.retry.status ?? value.retry.body ?? value.retry.text) ? [ruleOf(value.retry)] : [],
      schedule: scheduleOf(value.retry),
      withinMs: value.retry?.within,
      template: { format: value.format, body: value.body, fields: value.fields },
    },
  };
}

function scheduleOf(given: z.output<typeof retry> | undefined): RetrySchedule {
  const jitter = given?.jitter === undefined ? {} : { jitter: given.jitter };
  if (given?.delays) return { delaysMs: given.delays, ...jitter };
  if (given?.first === undefined && given?.attempts === undefined) return { ...DEFAULT_SCHEDULE, ...jitter };
  return {
    firstDelayMs: given.first ?? 5_000, factor: given.factor ?? 2, delayMsMax: given.max ?? 10 * HOUR_MS, attempts: given.attempts ?? 8,
    ...jitter,
  };
}

function ruleOf(given: RuleInput): Rule {
  const reasonPath = given.reason === undefined ? undefined : parsePath(given.reason);
  return {
    statuses: given.status ?? [],
    bodies: given.body ?? [],
    text: given.text?.matches,
    reason: given.reason === undefined ? undefined : reasonPath ? { path: reasonPath } : { text: given.reason },
    reference: given.reference,
    final: given.final ?? false,
  };
}

/** `$.x` is a path, an object a nested mapping or `{ const: … }`, all else a constant. */
function sourceOf(value: unknown): Source {
  if (typeof value === 'string') {
    const steps = parsePath(value);
    return steps ? { kind: 'path', path: steps } : { kind: 'constant', value };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { kind: 'constant', value };
  const entries = Object.entries(value);
  if (entries.length === 1 && entries[0]?.[0] === 'const') return { kind: 'constant', value: entries[0][1] };
  return { kind: 'object', fields: Object.fromEntries(entries.map(([name, inner]) => [name, sourceOf(inner)])) };
}

/** How values of an answer and of a rule are compared: without regard to case, space and whether a number is written as text. */
export function plain(value: unknown): string {
  return (typeof value === 'string' ? value : JSON.stringify(value) ?? '').trim().toLowerCase();
}
