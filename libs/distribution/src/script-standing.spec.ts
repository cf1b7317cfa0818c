import { describe, expect, it } from '@jest/globals';
import type { ScriptNote } from './decision.js';
import { itemsOf } from './items.js';
import { Market } from './market.js';
import { scriptStandings } from './script-standing.js';

const market = Market.compile(itemsOf({
  apiVersion: 'v1', campaigns: [{ id: 'x' }, { id: 'y' }],
  scripts: [{ id: 's', status: 'active', campaigns: ['x'], code: 'const filter = () => true', version: 2 }, { id: 'idle', code: 'const filter = () => true' }],
}));
const sentence = (note?: Partial<ScriptNote>, campaignId = 'x') => scriptStandings(market,
  { leadId: 'L', tenantId: 't', campaignId, receivedAt: 0, attributes: {} }, note && [{ id: 's', version: 2, status: 'applied', ...note }])[0]!.sentence;

describe('what became of a script', () => {
  it.each<[Partial<ScriptNote> | undefined, string, string]>([
    [{}, 'x', 'Script s (version 2) had its say.'],
    [{ status: 'failed', hook: 'score', reason: 'result', words: 'score of A: expected a finite number, got NaN' }, 'x',
      'Script s (version 2) failed in score and was left out: score of A: expected a finite number, got NaN.'],
    [{ status: 'shadow', lost: ['A'], won: ['B', 'C'] }, 'x', 'Script s (version 2) ran in shadow and would have taken it from A and given it to B, C.'],
    [{ status: 'shadow' }, 'x', 'Script s (version 2) ran in shadow and would have changed nothing.'],
    [{ status: 'notTriggered', reason: 'when', words: 'state in [NY], got "TX"' }, 'x',
      'Script s (version 2) was not asked: its criteria do not hold (state in [NY], got "TX").'],
    [undefined, 'y', 'Script s (version 2) was not asked: it is not attached to the campaign y.'],
    [undefined, 'x', 'Script s (version 2) was not asked: the attempt was none that scripts have a say in.'],
  ])('is told in a sentence: %j', (note, campaign, expected) => {
    expect(sentence(note, campaign)).toBe(expected);
  });

  it('is told of those that are off as well', () => {
    const lead = { leadId: 'L', tenantId: 't', campaignId: 'x', receivedAt: 0, attributes: {} };
    expect(scriptStandings(market, lead)[1]).toMatchObject({ id: 'idle', reason: 'off', sentence: 'Script idle (version 1) was not asked: it is off.' });
  });
});
