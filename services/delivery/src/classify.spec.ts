import { describe, expect, it } from '@jest/globals';
import type { SendResult } from '@sluice/runtime';
import { classify, isFailure } from './classify.js';
import { parseDeliveryMethod } from './delivery-method.js';

const methodOf = (over: object = {}) => {
  const parsed = parseDeliveryMethod({ type: 'webhook', url: 'https://example.com/', ...over });
  if (parsed.kind !== 'ok') throw new Error(parsed.fault);
  return parsed.method;
};
const answer = (status: number, body: unknown = '', headers: Record<string, string> = {}): SendResult => (
  { kind: 'answered', status, headers, body: typeof body === 'string' ? body : JSON.stringify(body), durationMs: 1 });
const of = (result: SendResult, over: object = {}) => classify(result, methodOf(over), Date.UTC(2026, 0, 1));

describe('what an answer means', () => {
  it.each([
    [200, 'accepted'], [201, 'accepted'], [204, 'accepted'], [301, 'unknown'], [302, 'unknown'], [304, 'unknown'], [400, 'rejected'], [401, 'rejected'], [404, 'rejected'],
    [409, 'rejected'], [410, 'rejected'], [422, 'rejected'], [408, 'unknown'], [425, 'unknown'], [429, 'retry'], [500, 'unknown'], [501, 'unknown'], [502, 'unknown'],
    [503, 'retry'], [504, 'unknown'], [599, 'unknown'],
  ])('without rules the status %i is %s', (status, kind) => {
    expect(of(answer(status)).kind).toBe(kind);
  });

  it('a server that speaks for another which did not answer leaves the answer lost; one that failed itself does not', () => {
    expect([408, 500, 502, 504].map((status) => (of(answer(status)) as { lost?: boolean }).lost)).toEqual([true, false, true, true]);
  });

  it.each([['unanswered', 'unknown'], ['unsent', 'unsent'], ['refused', 'unsent']] as const)('a request that was %s is %s', (kind, verdict) => {
    expect(of({ kind, reason: 'x', durationMs: 1 })).toMatchObject({ kind: verdict, reason: 'x' });
  });

  const rules = {
    accept: { status: [200, 201], body: { path: '$.data.items[0].state', equals: ['ok', 1, true] }, reference: '$.data.id' },
    reject: [{ body: { path: '$.error', matches: '^(dup|blocked)' }, reason: '$.error', final: true }, { status: '4xx', reason: 'their_fault' }],
    retry: { body: { path: '$.later', exists: true } },
  };

  it.each<[string, SendResult, object]>([
    ['a yes with its reference', answer(200, { data: { id: 17, items: [{ state: ' OK ' }] } }), { kind: 'accepted', reference: '17' }],
    ['a yes written as a number', answer(201, { data: { items: [{ state: 1 }] } }), { kind: 'accepted', reference: undefined }],
    ['a yes written as true', answer(200, { data: { items: [{ state: true }] } }), { kind: 'accepted' }],
    ['a yes under the wrong status', answer(202, { data: { items: [{ state: 'ok' }] } }), { kind: 'unknown', reason: 'answer_not_understood', lost: true }],
    ['a no under a status of success', answer(200, { error: 'duplicate', data: { items: [{ state: 'ok' }] } }), { kind: 'rejected', reason: 'duplicate', final: true }],
    ['a no by status class', answer(418, 'teapot'), { kind: 'rejected', reason: 'their_fault', final: false }],
    ['a "later" by body', answer(200, { later: 0 }), { kind: 'retry', reason: 'http_200' }],
    ['a body that is no JSON', answer(200, '<ok/>'), { kind: 'unknown', reason: 'answer_not_understood' }],
    ['an empty body', answer(200, ''), { kind: 'unknown' }],
    ['a path into nowhere', answer(200, { data: null }), { kind: 'unknown' }],
    ['a path up the prototype', answer(200, { data: { items: { 0: { constructor: 'ok' } } } }), { kind: 'unknown' }],
  ])('by rules: %s', (_, result, expected) => {
    expect(of(result, rules)).toMatchObject(expected);
  });

  it('a text of no structure is read by a pattern that runs in linear time', () => {
    const over = { accept: { text: { matches: '(?i)<status>\\s*ok' } }, reject: { text: { matches: '(a+)+$' } } };
    expect(of(answer(200, '<STATUS> OK</STATUS>'), over).kind).toBe('accepted');
    const start = performance.now();
    expect(of(answer(200, `${'a'.repeat(60_000)}b`), over).kind).toBe('unknown');
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  it.each([['120', 120_000], ['Thu, 01 Jan 2026 00:01:00 GMT', 60_000], ['Thu, 01 Jan 2015 00:00:00 GMT', 0], ['soon', undefined], ['-5', undefined]])('a Retry-After of %s is %s ms', (given, ms) => {
    expect(of(answer(503, '', { 'retry-after': given }))).toMatchObject({ kind: 'retry', retryAfterMs: ms });
  });

  it('a client\'s no is a healthy answer; an endpoint that is unwell, away or not understood is not', () => {
    expect([200, 422, 429, 500, 503].map((status) => isFailure(of(answer(status))))).toEqual([false, false, true, true, true]);
  });
});

describe('a method\'s document', () => {
  it.each([
    [{ url: 7 }, 'url'], [{ timeout: 'soon' }, 'timeout'], [{ onUnknown: 'shrug' }, 'onUnknown'], [{ accept: { status: 99 } }, 'accept'],
    [{ accept: { body: { path: 'result' } } }, 'accept'], [{ accept: { body: { path: '$..x' } } }, 'accept'], [{ accept: { body: { path: '$.__proto__.x' } } }, 'accept'],
    [{ accept: { stauts: 200 } }, 'accept'], [{ reject: { text: { matches: '(?=x)' } } }, 'reject'], [{ reject: { text: { matches: '(x)\\1' } } }, 'reject'],
    [{ retry: { delays: ['x'] } }, 'retry'], [{ headers: { 'x-a': 'b\r\nc' } }, 'headers'], [{ headers: { Host: 'x' } }, 'headers'], [{ headers: { 'Content-Length': '1' } }, 'headers'],
    [{ headers: { 'WEBHOOK-ID': 'x' } }, 'headers'], [{ headers: { Authorization: 'x' } }, 'headers'], [{ body: 'x', fields: { a: '$.b' } }, 'body'], [{ format: 'csv' }, 'format'],
  ])('with %j is refused at "%s"', (over, place) => {
    const parsed = parseDeliveryMethod({ type: 'webhook', url: 'https://example.com/', ...over });
    expect(parsed).toMatchObject({ kind: 'invalid', fault: expect.stringMatching(new RegExp(`^${place}`)) });
  });

  it('never waits longer for an answer than its claim lasts', () => {
    expect([methodOf().timeoutMs, methodOf({ timeout: 'PT3S' }).timeoutMs, methodOf({ timeout: 'PT10M' }).timeoutMs]).toEqual([15_000, 3_000, 20_000]);
  });
});
