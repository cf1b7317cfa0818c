import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HeldMoves, type Left } from './held-moves.js';

/** One attempt of a lead: held, or what became of it. */
interface Attempt { readonly lead: string; readonly left: Left | undefined }

type Counts = Record<string, number>;

/** What the store does with the moves of a batch, on a set instead of the table. */
function store(moves: HeldMoves, held: Set<string>, add: (stage: string, reason: string, amount: number) => void): void {
  for (const { leadId, left } of moves.open) {
    if (left && held.delete(leadId)) {
      add('held', '', -1);
      add(left.stage, left.reason, 1);
    }
  }
  for (const { leadId, left } of moves.open) {
    if (left || held.has(leadId)) continue;
    held.add(leadId);
    add('held', '', 1);
  }
  for (const { leadId } of moves.moved(true)) held.add(leadId);
  for (const { leadId } of moves.moved(false)) held.delete(leadId);
}

/** Counts of all the batches, and who is held in the end. */
function heardAs(batches: readonly (readonly Attempt[])[]): { counts: Counts; held: string[] } {
  const counts: Counts = {};
  const held = new Set<string>();
  const seen = new Set<string>();
  for (const batch of batches) {
    const add = (stage: string, reason = '', amount = 1) => { counts[`${stage} ${reason}`] = (counts[`${stage} ${reason}`] ?? 0) + amount; };
    const moves = new HeldMoves((_tenantId, _at, stage, reason, amount) => add(stage, reason, amount));
    for (const { lead, left } of batch) {
      if (seen.has(lead)) moves.move('t', lead, 0, left);
      else moves.first('t', lead, 0, left);
      seen.add(lead);
    }
    store(moves, held, add);
  }
  return { counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)), held: [...held].sort() };
}

/** Told plainly: a lead counts where it is; once it was distributed or unsold it counts there, until it is held again. */
function expectedOf(attempts: readonly Attempt[]): { counts: Counts; held: string[] } {
  const counts: Counts = {};
  const standing = new Map<string, boolean>();
  const add = (key: string, amount: number) => { counts[key] = (counts[key] ?? 0) + amount; };
  for (const { lead, left } of attempts) {
    const wasHeld = standing.get(lead);
    const isHeld = left === undefined;
    if (wasHeld === true && !isHeld) add('held ', -1);
    if (wasHeld !== true && isHeld) add('held ', 1);
    if (left && wasHeld !== false) add(`${left.stage} ${left.reason}`, 1);
    standing.set(lead, isHeld);
  }
  const held = [...standing].filter(([, isHeld]) => isHeld).map(([lead]) => lead).sort();
  return { counts: Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0)), held };
}

const attempts = fc.array(fc.record({
  lead: fc.constantFrom('a', 'b', 'c'),
  left: fc.constantFrom<Left | undefined>(undefined, undefined, { stage: 'distributed', reason: '' }, { stage: 'unsold', reason: 'cap_day' }),
}), { maxLength: 30 });

describe('leads that are held and leave it', () => {
  it('are counted the same however their attempts are cut into batches', () => {
    fc.assert(fc.property(attempts, fc.array(fc.nat(30)), (given, cuts) => {
      const places = [0, ...cuts.filter((cut) => cut < given.length).sort((one, other) => one - other), given.length];
      const batches = places.slice(1).map((end, n) => given.slice(places[n]!, end));
      expect(heardAs(batches)).toEqual(expectedOf(given));
    }), { numRuns: 2000 });
  });

  it('never count below none', () => {
    fc.assert(fc.property(attempts, (given) => {
      for (let end = 0; end <= given.length; end++) expect(heardAs([given.slice(0, end)]).counts['held '] ?? 0).toBeGreaterThanOrEqual(0);
    }), { numRuns: 1000 });
  });
});
