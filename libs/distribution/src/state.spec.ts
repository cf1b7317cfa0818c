import { describe, expect, it } from '@jest/globals';
import { itemsOf } from './items.js';
import { Market } from './market.js';
import { State } from './state.js';

const NOW = Date.UTC(2026, 2, 20, 12);
const day = 86_400_000;

describe('the state', () => {
  it('gives back what it was loaded with, and says what changed once, with its last value', () => {
    const state = State.load([{ key: 'order|o|count', value: 2 }, { key: 'w|x|a', value: -0.25 }, { key: 'credit|c', value: 0 }]);
    expect([...state.entries()]).toEqual([{ key: 'order|o|count', value: 2 }, { key: 'w|x|a', value: -0.25 }]);
    expect(state.takeDirty()).toEqual([]);
    state.add('order|o|count', 1);
    state.add('order|o|count', 1);
    state.setCreditUsed('c', 1250n);
    expect(state.takeDirty()).toEqual([{ key: 'order|o|count', value: 4 }, { key: 'credit|c', value: 1250 }]);
    expect(state.takeDirty()).toEqual([]);
  });

  it('never counts below nothing, and makes no key of what is not there', () => {
    const state = State.load([{ key: 'order|o|count', value: 1 }]);
    state.add('order|o|count', -2);
    state.add('cap|contract|k|day|count|2026-03-20', -1);
    expect(state.get('order|o|count')).toBe(0);
    expect(state.takeDirty()).toEqual([{ key: 'order|o|count', value: 0 }]);
  });

  it('forgets buckets that ended, and nothing that still counts', () => {
    const kept = [
      'cap|contract|k|day|count|2026-03-19', 'cap|contract|k|week|count|w2026-03-16', 'cap|contract|k|month|amount|2026-03',
      'cap|client|c|total|count|total',
      'cap|contract|k|hour|count|2026-03-20T11-05:00', `cap|contract|k|rolling60m|count|${NOW}`, 'rr|contract|k', 'born|contract|k',
      'w|x|a', 'order|o|count',
      'trial|k', 'act|x', 'seen|u', 'suspended|m',
      // Ids that look like dates.
      'credit|acme-2020-01', 'rr|contract|k-2020-01-01', 'w|2020-01/r0|k-2020-01', 'ptr|solar-2020-01/r0', 'ptrlist|solar-2020-01/r0',
      'order|2020-01|count', 'trial|k-2020-01',
    ];
    const gone = [
      'cap|contract|k|day|count|2026-03-01', 'cap|contract|k|week|count|w2026-02-23', 'cap|contract|k|month|amount|2026-01',
      'pl|contract|k|q|2026-03-01',
      'cap|contract|k|hour|count|2026-03-01T11-05:00', `cap|contract|k|rolling60m|count|${NOW - 9 * day}`, 'pct|w/r0||2026-03-02',
      'rot|w/r0|k|2026-03-02',
      'rot0|w/r0|7d2026-03-02', 'wint|w/r0||2026-03-02',
    ];
    const persons = [{ key: 'dup|k|old', value: NOW - 400 * day }, { key: 'dup|k|new', value: NOW - 10 * day }];
    const state = State.load([...[...kept, ...gone].map((key) => ({ key, value: 1 })), ...persons]);
    expect(state.sweep(NOW - 2 * 3_600_000).sort()).toEqual([...gone, 'dup|k|old'].sort());
    expect([...state.entries()].map(({ key }) => key).sort()).toEqual([...kept, 'dup|k|new'].sort());
  });

  it('gives newcomers their place in order of entry, once', () => {
    const items = itemsOf({ apiVersion: 'v1', clients: [{ id: 'c' }], contracts: [{ id: 'a', client: 'c' }, { id: 'b', client: 'c' }] });
    const market = Market.compile([...items].reverse());
    const state = State.load();
    state.follow(market, NOW);
    state.follow(market, NOW);
    expect([state.get('rr|contract|a'), state.get('rr|contract|b'), state.get('seq')]).toEqual([2, 3, 3]);
    market.change([{ kind: 'contract', id: 'd', entry: 9, body: { id: 'd', client: 'c' } }]);
    state.follow(market, NOW);
    expect([state.get('rr|contract|d'), state.get('seq')]).toEqual([4, 4]);
  });
});

describe('a market', () => {
  it('refuses a change that makes no sense and stays as it was', () => {
    const market = Market.compile(itemsOf({ apiVersion: 'v1', clients: [{ id: 'c' }], contracts: [{ id: 'a', client: 'c', price: 10 }] }));
    const wrong = { kind: 'contract' as const, id: 'a', entry: 1,
      body: { id: 'a', client: 'c', schedule: { open: { someday: ['09:00-17:00'] } } } };
    const fine = { kind: 'client' as const, id: 'c', entry: 0, body: { id: 'c', status: 'paused' as const } };
    expect(() => market.change([fine, wrong])).toThrow(/contract a: expected days/);
    expect(() => market.change([{ ...wrong, body: { id: 'a', client: 'c', price: '1.005' } }])).toThrow(/contract a: USD has 2 decimals/);
    expect(() => market.change([{ ...wrong, body: { id: 'a', client: 'c', criteria: { field: 'x', op: 'matches', value: 'a' } } }]))
      .toThrow(/contract a: criteria/);
    expect(market.contracts.get('a')!.price).toBe(1000);
    expect(market.contracts.get('a')!.shut & 1).toBe(0);
  });
});
