import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Said } from '@sluice/events';
import { partitionOf, seededRandom } from '@sluice/kernel';
import { PARTITIONS } from './bus.js';
import { recordsOf, runsOf, type LogRecord } from './log-record.js';
import { Recent } from './recent.js';

const TOPIC = 'sluice.intake';
const PARTITION = partitionOf('a', PARTITIONS);

function said(id: number, more: Partial<Said> = {}): Said {
  return {
    id: `e${id}`, type: id % 3 ? 'Some' : 'Other', topic: TOPIC, key: 'a', subject: `s${id % 5}`, tenantId: 'a', time: 1_000 + id,
    traceparent: id % 2 ? undefined : `00-${id}`, value: JSON.stringify({ id, text: 'ü\ud800"\u001e' }), ...more,
  };
}

const several = (from: number, count: number) => Array.from({ length: count }, (_, at) => said(from + at));
const head = (of: number, topic = TOPIC) => [{ topic, partition: PARTITION, head: of }];
const seqs = (records: readonly LogRecord[]) => records.map(({ seq }) => seq);

describe('what was lately committed', () => {
  let recent: Recent;
  beforeEach(() => {
    jest.useFakeTimers();
    recent = new Recent();
  });
  afterEach(() => {
    recent.forget();
    jest.useRealTimers();
  });

  it('is what the table would answer, wherever a reader stands and however much it takes', () => {
    const random = seededRandom('recent');
    const table: LogRecord[] = [];
    for (let commit = 0; commit < 40; commit++) {
      const runs = runsOf([...several(table.length, random.int(1, 30)), said(0, { topic: 'sluice.workflow', key: 'a' }),
        ...(commit === 20 ? several(0, 1_500) : [])]);
      for (const run of runs.filter(({ topic }) => topic === TOPIC)) {
        for (const record of recordsOf(table.length + 1, run, 0, Infinity)) table.push(record);
      }
      recent.put(runs, [...head(table.length), ...head(commit + 1, 'sluice.workflow')]);
    }
    for (let tries = 0; tries < 500; tries++) {
      const after = random.int(0, table.length);
      const max = random.int(1, 700);
      expect(recent.after(TOPIC, PARTITION, after, max)).toEqual(table.slice(after, after + max));
    }
    expect(seqs(recent.after('sluice.workflow', PARTITION, 0, 500))).toHaveLength(40);
  });

  it('ends before what is missing, and begins nowhere else than asked', () => {
    recent.put(runsOf(several(1, 3)), head(13));
    recent.put(runsOf(several(9, 2)), head(18));
    recent.put(runsOf(several(4, 2)), head(15));
    expect(seqs(recent.after(TOPIC, PARTITION, 10, 500))).toEqual([11, 12, 13, 14, 15]);
    expect(seqs(recent.after(TOPIC, PARTITION, 16, 500))).toEqual([17, 18]);
    for (const after of [0, 9, 15, 18, 99]) expect(recent.after(TOPIC, PARTITION, after, 500)).toEqual([]);
    expect(recent.after(TOPIC, PARTITION + 1, 10, 500)).toEqual([]);
  });

  it('is kept for some seconds, and for less where there is much of it', () => {
    recent.put(runsOf(several(1, 3)), head(3));
    jest.advanceTimersByTime(3_000);
    expect(seqs(recent.after(TOPIC, PARTITION, 0, 500))).toEqual([1, 2, 3]);
    jest.advanceTimersByTime(2_000);
    expect(recent.after(TOPIC, PARTITION, 0, 500)).toEqual([]);
    for (let commit = 1; commit <= 5; commit++) recent.put(runsOf([said(commit, { value: 'x'.repeat(3_000_000) })]), head(commit + 3));
    expect(recent.after(TOPIC, PARTITION, 3, 500)).toHaveLength(5);
    for (let commit = 6; commit <= 9; commit++) recent.put(runsOf([said(commit, { value: 'x'.repeat(3_000_000) })]), head(commit + 3));
    expect(recent.after(TOPIC, PARTITION, 8, 500)).toEqual([]);
    expect(seqs(recent.after(TOPIC, PARTITION, 9, 500))).toEqual([10, 11, 12]);
  });

  it('is forgotten with the connection', () => {
    recent.put(runsOf(several(1, 3)), head(3));
    recent.forget();
    expect(recent.after(TOPIC, PARTITION, 0, 500)).toEqual([]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
