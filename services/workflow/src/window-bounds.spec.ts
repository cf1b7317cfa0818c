import { describe, expect, it } from '@jest/globals';
import { parseDocument } from './parse-document.js';

const withWindow = (more: object) => parseDocument(JSON.stringify({
  apiVersion: 'v1', campaigns: [{ id: 'solar', workflow: 'w' }], workflows: [{ id: 'w', rules: [{ method: 'price' }], ...more }],
}));
const faultsOf = (more: object): string[] => {
  const checked = withWindow(more);
  return (checked.faults ?? []).map(({ path, message }) => `${path}: ${message}`);
};

describe('the window of a workflow', () => {
  it.each([
    [{ mode: 'window', window: { length: 'P3D', every: 'PT15M' } }],
    [{ mode: 'window', window: { length: 'PT1M', every: 'PT1M' } }],
    [{ mode: 'window', window: { length: 'P366D', every: 'P366D' } }],
    [{ mode: 'onArrival' }],
  ])('may be %j', (more) => expect(faultsOf(more)).toEqual([]));

  it.each([
    [{ mode: 'window' }, 'workflows[0].window: mode window needs window: { length: P3D, every: PT15M }'],
    [{ mode: 'window', window: { length: 'P3D' } }, 'workflows[0].window.every: expected a duration such as P3D or PT15M, got nothing'],
    [{ window: { length: 'P3D', every: 'often' } }, 'workflows[0].window.every: expected a duration such as P3D or PT15M, got "often"'],
    [{ window: { length: 'P3D', every: 'PT59S' } },
      'workflows[0].window.every: expected at least PT1M, got "PT59S"; what may end the wait of a lead has it tried at once anyway'],
    [{ window: { length: 'P367D', every: 'P1D' } }, 'workflows[0].window.length: expected at most P366D, got "P367D"'],
    [{ window: { length: 'PT10M', every: 'PT11M' } }, 'workflows[0].window.every: expected at most the window\'s length "PT10M", got "PT11M"'],
  ])('%j is refused: %s', (more, fault) => expect(faultsOf(more)).toEqual([fault]));
});
