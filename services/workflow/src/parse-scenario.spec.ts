import { describe, expect, it } from '@jest/globals';
import { line } from './faults.js';
import { parseScenario } from './parse-scenario.js';

const config = `config:
  apiVersion: v1
  clients: [{ id: a }]
  contracts: [{ id: A, client: a, price: 10.00 }]
  campaigns: [{ id: solar, workflow: w }]
  workflows: [{ id: w, mode: off }]
`;
const faultsOf = (text: string) => (parseScenario(config + text).faults ?? []).map(line);

describe('a scenario', () => {
  it('is taken with every kind of step that the design names', () => {
    const { document, faults } = parseScenario(`name: all steps\n${config}timeline:
  - { at: 2026-03-02T09:00:00Z, lead: { id: L1, campaign: solar, fields: { state: NY }, lat: 40.7, lon: -74.0 }, rejectedBy: [A] }
  - { at: 2026-03-02T10:00:00Z, set: { contracts: { A: { status: paused }, B: { client: a } } } }
  - { at: 2026-03-02T10:00:00Z, remove: { contracts: [B] } }
  - { at: 2026-03-02T10:05:00Z, distribute: { lead: L1, contracts: [A], by: ann } }
  - { at: 2026-03-02T10:06:00Z, cherryPick: { lead: L1, contract: A } }
  - { at: 2026-03-02T10:07:00Z, return: { lead: L1, contract: A } }
  - { at: 2026-03-02T10:08:00Z, window: { lead: L1, action: pause } }
  - { at: 2026-03-02T10:09:00Z, seen: { user: user-ann } }
until: 2026-03-05T00:00:00Z
expect: { assigned: { L1: [A] }, refused: { L1: { A: cap_day } }, counts: { A: 1 }, windows: { L1: expired }, unsold: { L1: total_minimum } }`);
    expect(faults).toBeUndefined();
    expect(document?.timeline).toHaveLength(8);
    expect(document?.config.workflows).toEqual([{ id: 'w', mode: 'off' }]);
  });

  it('takes its configuration from a file, where files can be read', () => {
    const file = 'apiVersion: v1\nclients: [{ id: a }]';
    expect(parseScenario('config: ./c.yaml', (path) => (path === './c.yaml' ? file : '')).document?.config.clients).toEqual([{ id: 'a' }]);
    expect(parseScenario('config: ./c.yaml').faults?.[0]?.code).toBe('invalid');
  });

  it.each([
    ['a fault of its configuration', 'expect: { counts: { A: -1 } }', 'expect.counts.A: expected an integer ≥ 0, got -1'],
    ['a step that is none', 'timeline: [{ at: 2026-03-02T09:00:00Z, laed: { id: L1 } }]',
      'timeline[0]: expected one of lead, set, remove, distribute, cherryPick, return, window, seen; did you mean "lead"?'],
    ['an unknown key of a step', 'timeline: [{ at: 2026-03-02T09:00:00Z, lead: { id: L1, campain: solar } }]', 'timeline[0].lead.campain: unknown key; did you mean "campaign"?'],
    ['a campaign that is not there', 'timeline: [{ at: 2026-03-02T09:00:00Z, lead: { id: L1, campaign: sola } }]', 'timeline[0].lead.campaign: no campaign "sola"; did you mean "solar"?'],
    ['an answer of nobody', 'timeline: [{ at: 2026-03-02T09:00:00Z, lead: { id: L1 }, rejectedBy: [X] }]', 'timeline[0].rejectedBy[0]: no contract "X"'],
    ['a lead that did not come', 'timeline: [{ at: 2026-03-02T09:00:00Z, cherryPick: { lead: L1, contract: A } }]', 'timeline[0].cherryPick.lead: no lead "L1" came before'],
    ['a contract that is gone', 'timeline: [{ at: 2026-03-02T09:00:00Z, lead: { id: L1 } }, { at: 2026-03-02T09:00:00Z, set: { contracts: { A: null } } }, { at: 2026-03-02T09:00:00Z, distribute: { lead: L1, contracts: [A] } }]',
      'timeline[2].distribute.contracts[0]: no contract "A"'],
    ['a lead that comes twice', 'timeline: [{ at: 2026-03-02T09:00:00Z, lead: { id: L1 } }, { at: 2026-03-02T09:00:00Z, lead: { id: L1 } }]',
      'timeline[1].lead.id: lead "L1" came before; an id names one'],
    ['a setting that is none', 'timeline: [{ at: 2026-03-02T09:00:00Z, set: { timezne: UTC } }]', 'timeline[0].set.timezne: unknown key'],
    ['a time line out of order', 'timeline: [{ at: 2026-03-02T09:00:00Z, seen: { user: u } }, { at: 2026-03-01T09:00:00Z, seen: { user: u } }]',
      'timeline[1].at: 2026-03-01T09:00:00Z lies before 2026-03-02T09:00:00Z; the time line is in order of time'],
    ['an end before the last step', 'timeline: [{ at: 2026-03-02T09:00:00Z, seen: { user: u } }]\nuntil: 2026-03-01T00:00:00Z',
      'until: 2026-03-01T00:00:00Z lies before 2026-03-02T09:00:00Z; the time line is in order of time'],
    ['a change that breaks the configuration', 'timeline: [{ at: 2026-03-02T09:00:00Z, set: { contracts: { A: { client: b } } } }]',
      'timeline[0].set.contracts.A.client: no client "b"; add it to clients'],
    ['a removal that leaves a reference', 'timeline: [{ at: 2026-03-02T09:00:00Z, remove: { clients: [a] } }]',
      'timeline[0]: contracts[0].client: no client "a"; the document has no clients'],
    ['a list that is not known', 'timeline: [{ at: 2026-03-02T09:00:00Z, remove: { contract: [A] } }]', 'timeline[0].remove.contract: unknown key; did you mean "contracts"?'],
  ])('is refused for %s', (_, text, fault) => {
    expect(faultsOf(text)[0]).toBe(fault);
  });
});
