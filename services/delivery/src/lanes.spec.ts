import { describe, expect, it } from '@jest/globals';
import { Lanes } from './lanes.js';

type How = 'good' | 'bad' | 'neutral';

/** Lanes with a clock that is set by hand and works that end when they are told to. */
function rig(limits = { total: 64, perEndpoint: 32 }) {
  const lanes = new Lanes(limits);
  const state = { now: 0 };
  const open: { endpoint: string; end: (how: How) => Promise<void> }[] = [];
  const add = (endpoint: string, count = 1, cap?: number) => {
    for (let n = 0; n < count; n++) {
      lanes.run(endpoint, cap, () => state.now, () => new Promise<How>((done) => {
        open.push({ endpoint, end: async (how) => { done(how); await Promise.resolve(); await Promise.resolve(); } });
      }));
    }
  };
  const running = (endpoint: string) => open.filter((work) => work.endpoint === endpoint).length;
  const end = async (endpoint: string, how: How, count = 1) => {
    for (let n = 0; n < count; n++) {
      const at = open.findIndex((work) => work.endpoint === endpoint);
      const [work] = open.splice(at, 1);
      await work!.end(how);
    }
  };
  return { lanes, state, add, end, running };
}

describe('lanes', () => {
  it('a newcomer gets eight requests at a time, one that answers up to its full width', async () => {
    const { lanes, add, end, running } = rig();
    add('a', 100);
    expect(running('a')).toBe(8);
    for (let round = 0; round < 6; round++) await end('a', 'good', running('a'));
    add('a', 100);
    expect(running('a')).toBe(32);
    expect(lanes.quotas().named.get('a')).toBeLessThanOrEqual(64);
  });

  it('one that fails holds one request soon, and is back at its width after as many answers', async () => {
    const { add, end, running } = rig();
    add('a', 50);
    await end('a', 'bad', 3);
    await end('a', 'bad', 5);
    expect(running('a')).toBe(1);
    await end('a', 'good');
    expect(running('a')).toBe(2);
  });

  it('the method\'s own bound holds', () => {
    const { lanes, add, running } = rig();
    add('a', 10, 2);
    expect(running('a')).toBe(2);
    expect(lanes.quotas().named.get('a')).toBe(0);
  });

  it('what hangs for a second no longer takes room from those that answer', () => {
    const { lanes, state, add } = rig({ total: 8, perEndpoint: 8 });
    add('hangs', 8);
    add('hangs too', 8);
    expect(lanes.room(state.now)).toBe(0);
    state.now = 1_000;
    expect(lanes.room(state.now)).toBe(16);
  });

  it('what hangs is bounded all the same', () => {
    const { lanes, state, add } = rig({ total: 8, perEndpoint: 8 });
    for (let n = 0; n < 6; n++) add(`hangs ${n}`, 8);
    state.now = 1_000;
    expect(lanes.room(state.now)).toBe(0);
  });

  it('nobody is claimed for who has all that he may hold', () => {
    const { lanes, add } = rig();
    add('a', 8);
    expect([lanes.quotas().named.get('a'), lanes.quotas().rest]).toEqual([0, 8]);
  });

  it('more is claimed ahead only for those who answer fast', async () => {
    const { lanes, state, add, end } = rig();
    add('fast', 1);
    state.now = 5;
    await end('fast', 'good');
    add('slow', 1);
    state.now = 505;
    await end('slow', 'good');
    expect([lanes.quotas().named.get('fast'), lanes.quotas().named.get('slow')]).toEqual([64, 9]);
  });

  it('works that say nothing of the endpoint leave its width as it is', async () => {
    const { add, end, running } = rig();
    add('a', 20);
    await end('a', 'neutral', 8);
    expect(running('a')).toBe(8);
  });
});
