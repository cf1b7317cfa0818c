import type { SendResult } from '@sluice/runtime';
import { plain, type BodyTest, type DeliveryMethod, type Rule } from './delivery-method.js';
import { readPath, type JsonPath } from './json-path.js';

/**
 * What one attempt means. The client's own rules come first: a no before a yes, since a no is usually the narrower rule of the two.
 * Where none matches the status decides: 2xx is a yes unless the method says what a yes looks like; 4xx a no; 429 and 503 "not now";
 * all else says nothing.
 */
export type Verdict =
  | { readonly kind: 'accepted'; readonly reference: string | undefined }
  | { readonly kind: 'rejected'; readonly reason: string; readonly final: boolean }
  /** The client answered that it did not take the lead now, and may later. */
  | { readonly kind: 'retry'; readonly reason: string; readonly retryAfterMs: number | undefined }
  /** Neither yes nor no. `lost`: the client's own answer never came, so that a later no is not to be trusted unless its rule is final. */
  | { readonly kind: 'unknown'; readonly reason: string; readonly lost: boolean; readonly retryAfterMs: number | undefined }
  /** No byte left. `hopeless`: another attempt would end the same way. */
  | { readonly kind: 'unsent'; readonly reason: string; readonly hopeless: boolean };

type Answer = Extract<SendResult, { kind: 'answered' }>;

/** Pure. `now` is needed for a Retry-After that is a date. */
export function classify(result: SendResult, method: DeliveryMethod, now: number): Verdict {
  if (result.kind !== 'answered') {
    return result.kind === 'unanswered'
      ? { kind: 'unknown', reason: result.reason, lost: true, retryAfterMs: undefined }
      : { kind: 'unsent', reason: result.reason, hopeless: result.kind === 'refused' };
  }
  const body = lazyJson(result.body);
  const rejecting = method.reject.find((rule) => matches(rule, result, body));
  if (rejecting) return { kind: 'rejected', reason: reasonOf(rejecting, body) ?? `http_${result.status}`, final: rejecting.final };
  const accepting = method.accept.find((rule) => matches(rule, result, body));
  if (accepting) return { kind: 'accepted', reference: textAt(accepting.reference, body) };
  const retrying = method.retry.find((rule) => matches(rule, result, body));
  const retryAfterMs = retryAfterOf(result, now);
  if (retrying) return { kind: 'retry', reason: reasonOf(retrying, body) ?? `http_${result.status}`, retryAfterMs };
  return byStatus(result.status, method.accept.length > 0, retryAfterMs);
}

function byStatus(status: number, acceptIsDefined: boolean, retryAfterMs: number | undefined): Verdict {
  const reason = `http_${status}`;
  if (status >= 200 && status <= 299) {
    return acceptIsDefined ? { kind: 'unknown', reason: 'answer_not_understood', lost: true, retryAfterMs } : { kind: 'accepted', reference: undefined };
  }
  if (status === 429 || status === 503) return { kind: 'retry', reason, retryAfterMs };
  // 408, 502 and 504 are a server's word that it has no answer from whoever decides.
  if (status === 408 || status === 502 || status === 504) return { kind: 'unknown', reason, lost: true, retryAfterMs };
  if (status >= 400 && status <= 499 && status !== 425) return { kind: 'rejected', reason, final: false };
  return { kind: 'unknown', reason, lost: false, retryAfterMs };
}

/** Whether an attempt counts against the endpoint: it did not answer, or answered that it is unwell. A client's no is a healthy answer. */
export function isFailure(verdict: Verdict): boolean {
  return verdict.kind === 'unsent' || verdict.kind === 'unknown' || verdict.kind === 'retry';
}

function matches(rule: Rule, answer: Answer, body: () => unknown): boolean {
  if (rule.statuses.length > 0 && !rule.statuses.some(([from, to]) => answer.status >= from && answer.status <= to)) return false;
  if (rule.text && !rule.text.matcher(answer.body).find()) return false;
  return rule.bodies.every((test) => holds(test, readPath(body(), test.path)));
}

function holds(test: BodyTest, value: unknown): boolean {
  const there = value !== undefined && value !== null;
  if (test.exists !== undefined && test.exists !== there) return false;
  if (test.equals && !(value !== undefined && test.equals.includes(plain(value)))) return false;
  if (test.matches && !(there && test.matches.matcher(plainText(value)).find())) return false;
  return test.exists !== undefined || test.equals !== undefined || test.matches !== undefined || there;
}

function reasonOf(rule: Rule, body: () => unknown): string | undefined {
  if (!rule.reason) return undefined;
  return 'text' in rule.reason ? rule.reason.text : textAt(rule.reason.path, body);
}

function textAt(path: JsonPath | undefined, body: () => unknown): string | undefined {
  if (!path) return undefined;
  const value = readPath(body(), path);
  return value === undefined || value === null ? undefined : plainText(value).slice(0, 200);
}

function plainText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value) ?? '';
}

/** Parsed at most once, and only where a rule asks. */
function lazyJson(text: string): () => unknown {
  let parsed: { value: unknown } | undefined;
  return () => {
    if (!parsed) {
      try {
        parsed = { value: JSON.parse(text) as unknown };
      } catch {
        parsed = { value: undefined };
      }
    }
    return parsed.value;
  };
}

function retryAfterOf(answer: Answer, now: number): number | undefined {
  const given = answer.headers['retry-after'];
  if (given === undefined) return undefined;
  if (/^\d{1,9}$/.test(given)) return Number(given) * 1000;
  const date = /^[A-Z][a-z]{2},/.test(given) ? Date.parse(given) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
