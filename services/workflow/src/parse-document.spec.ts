import { describe, expect, it } from '@jest/globals';
import { line } from './faults.js';
import { parseDocument } from './parse-document.js';

/** The faults of a document, one a line; none where it is sound. */
const faultsOf = (text: string) => (parseDocument(`apiVersion: v1\n${text}`).faults ?? []).map(line);

const withContract = (keys: string) => `clients: [{ id: a }]\ncontracts: [{ id: A, client: a, ${keys} }]`;

const whole = `
apiVersion: v1
timezone: America/New_York
currency: USD
requireSchedule: false
ties: full
clients:
  - { id: acme, name: Acme Solar, status: active, timezone: America/Chicago, priority: 0, group: gold, clientGroup: midwest, assignedUser: ann,
      contractMethod: price, weight: 400, address: { postalCode: "60601", country: US }, removalNotifications: true, tierDelivery: false, locking: false,
      percentageLimit: { percent: 40, lookBack: day }, caps: { day: 100 } }
contracts:
  - id: acme-ny
    client: acme
    name: New York roofs
    status: open
    createdAt: 2026-01-05T10:00:00Z
    campaigns: [solar]
    criteria: { all: [{ field: state, op: in, value: [NY, NJ] }, { not: { field: age, op: between, value: [25, 65] } }, { field: zip.state, op: exists }] }
    schedule: { timezone: America/New_York, open: { mon-fri: ["09:00-17:00"], sat: ["10:00-12:00"] }, closed: [2026-12-25] }
    caps: { hour: 5, day: { amount: 500.00 }, week: 100, month: 300, total: 1000 }
    prices: { 1: 40.00, 2: 25.00, 3: 18.00 }
    trial: { leads: 10 }
    maxShareCount: 3
    qualityScore: 100
    priority: -2
    weight: 400
    percentage: 40
    locations: [{ lat: 40.71, lon: -74.00 }, { postalCode: "10001", country: US }]
    radiusKm: 80
    order: required
    deliveryMethod: acme-hook
campaigns:
  - id: solar
    workflow: solar-default
    deadline: P7D
    list: east
    geo: zip
    fields: { state: { type: string, required: true }, age: { type: integer }, zip: { type: postalCode }, email: { type: email, personal: true } }
lists: [{ id: east, clients: [acme], contracts: [] }]
workflows:
  - id: solar-default
    mode: onArrival
    window: { length: P3D, every: PT15M }
    maxMultiplication: 3
    minimums: { contracts: 1, turnover: 0 }
    priceOptimization: pooled
    parallelProcessing: true
    groups: [{ group: gold, method: priority, take: 1, onSold: stop }]
    rules: [{ method: roundRobin, by: contract, secondary: price, take: 2, minTurnover: 10.00, contracts: { groups: [gold], ids: [acme-ny] }, reset: daily, timeframe: day }]
  - { id: manual, mode: off }
pushStrategies:
  - { id: east-coast, campaigns: [solar], from: corporate, method: weighted, reset: 7days, onlyActiveWithin: PT30M, criteria: { field: age, op: equals, value: 3 },
      recipients: [{ to: branch-ny, weight: 60, caps: { hour: 5, day: 40 } }, { to: user-ann, weight: 40 }] }
deliveryMethods:
  - { id: acme-hook, type: webhook, enabled: true, onUnknown: hold, url: "https://acme.example/leads", accept: { status: [200], body: { path: $.result, equals: accepted } } }
orders: [{ id: o1, contract: acme-ny, quantity: 200, start: 2026-03-01, status: active }]
`;

describe('a configuration document', () => {
  it('is taken with every key that the design names, and nothing is filled in', () => {
    const { document, faults } = parseDocument(whole);
    expect(faults).toBeUndefined();
    expect(document?.workflows?.[1]).toEqual({ id: 'manual', mode: 'off' });
    expect(document?.contracts?.[0]?.createdAt).toBe('2026-01-05T10:00:00Z');
    expect(document?.contracts?.[0]?.prices).toEqual({ 1: 40, 2: 25, 3: 18 });
  });

  it('is taken as JSON too', () => {
    expect(parseDocument(JSON.stringify(parseDocument(whole).document)).document).toEqual(parseDocument(whole).document);
  });

  const cases: [name: string, text: string, fault: string][] = [
    ['a cap that is a word', withContract('caps: { day: ten }'), 'contracts[0].caps.day: expected an integer ≥ 0, got "ten"'],
    ['a cap below zero', withContract('caps: { day: -1 }'), 'contracts[0].caps.day: expected an integer ≥ 0, got -1'],
    ['a cap that is half a lead', withContract('caps: { day: 1.5 }'), 'contracts[0].caps.day: expected an integer ≥ 0, got 1.5'],
    ['an unknown key inside a cap of money', withContract('caps: { day: { amuont: 5 } }'), 'contracts[0].caps.day.amuont: unknown key; did you mean "amount"?'],
    ['an unknown key', withContract('pirce: 5'), 'contracts[0].pirce: unknown key; did you mean "price"?'],
    ['an unknown key at the top', 'contract: []', 'contract: unknown key; did you mean "contracts"?'],
    ['a client that is not there', 'clients: [{ id: acme }]\ncontracts: [{ id: A, client: acem }]', 'contracts[0].client: no client "acem"; did you mean "acme"?'],
    ['a workflow that is not there', 'campaigns: [{ id: solar, workflow: w }]', 'campaigns[0].workflow: no workflow "w"; the document has no workflows'],
    ['an order of no contract', 'orders: [{ id: o, contract: A, quantity: 1, start: 2026-03-01 }]', 'orders[0].contract: no contract "A"; the document has no contracts'],
    ['an id that stands twice', 'clients: [{ id: a }, { id: a }]', 'clients[1].id: "a" stands at clients[0] already; an id names one'],
    ['a share above all', withContract('percentage: 140'), 'contracts[0].percentage: expected a percentage from 0 to 100, got 140'],
    ['a time zone that is none', 'timezone: New York', 'timezone: expected a time zone such as America/New_York, got "New York"'],
    ['a duration in words', 'campaigns: [{ id: solar, deadline: 7 days }]', 'campaigns[0].deadline: expected a duration such as P3D or PT15M, got "7 days"'],
    ['a duration as a number', 'campaigns: [{ id: solar, deadline: 7 }]', 'campaigns[0].deadline: expected a duration such as P3D or PT15M, got 7'],
    ['more decimals than the currency has', withContract('price: 25.005'), 'contracts[0].price: USD has 2 decimals, got 25.005'],
    ['cents of a currency without cents', `currency: JPY\n${withContract('caps: { day: { amount: 10.5 } }')}`, 'contracts[0].caps.day.amount: JPY has 0 decimals, got 10.5'],
    ['a price below zero', withContract('price: -1'), 'contracts[0].price: expected an amount such as 25.00, not below 0, got -1'],
    ['hours of no length', withContract('schedule: { open: { mon: ["09:00-09:00"] } }'),
      'contracts[0].schedule.open.mon: expected an interval such as 09:00-17:00, or 00:00-24:00 for all day, got "09:00-09:00"'],
    ['a date that the calendar lacks', withContract('schedule: { open: {}, closed: [2026-02-30] }'), 'contracts[0].schedule.closed[0]: expected a date such as 2026-03-01, got "2026-02-30"'],
    ['an operator that is not known', withContract('criteria: { all: [{ field: a, op: equal, value: 1 }] }'),
      'contracts[0].criteria.all[0].op: expected one of equals, notEquals, in, notIn, contains, notContains, startsWith, endsWith, lessThan, atMost, greaterThan, atLeast, between, exists, missing, matches, before, after, withinKm, got "equal"'],
    ['a value that does not suit its operator', withContract('criteria: { field: a, op: in, value: NY }'), 'contracts[0].criteria.value: expected a list of values for in, got "NY"'],
    ['a regular expression that cannot be read', withContract('criteria: { field: a, op: matches, value: "(a" }'),
      'contracts[0].criteria.value: expected a regular expression of linear time (RE2 syntax): missing closing ): `(a`'],
    ['a static field that is not known', withContract('criteria: { field: $souce, op: equals, value: x }'), 'contracts[0].criteria.field: no static field "$souce"; did you mean "$source"?'],
    ['a window without a length', 'workflows: [{ id: w, mode: window }]', 'workflows[0].window: mode window needs window: { length: P3D, every: PT15M }'],
  ];
  it.each(cases)('refuses %s, and says where and what to write', (_, text, fault) => {
    expect(faultsOf(text)).toEqual([fault]);
  });

  it('refuses another version of the format', () => {
    expect(parseDocument('apiVersion: v2').faults?.map(line)).toEqual(['apiVersion: expected v1, got "v2"']);
  });

  it('names the line of a syntax error, and keys that stand twice', () => {
    expect(parseDocument('apiVersion: v1\nclients: [').faults?.[0]?.path).toBe('line 2, column 11');
    expect(parseDocument('apiVersion: v1\napiVersion: v1').faults?.[0]?.message).toBe('Map keys must be unique');
  });

  it('does not unfold a small text into a large one', () => {
    const bomb = ['a: &a [1,1,1,1,1,1,1,1,1,1]', ...'bcdef'.split('').map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcde'[i]}`).join(',')}]`)].join('\n');
    expect(parseDocument(bomb).faults?.[0]?.code).toBe('syntax');
  });

  it('refuses an item that no record of the log could hold', () => {
    const values = Array.from({ length: 40_000 }, (_, place) => `zip-${place}`);
    expect(faultsOf(`clients: [{ id: a }]\ncontracts: [{ id: A, client: a, criteria: { field: zip, op: in, value: ${JSON.stringify(values)} } }]`)).toEqual(
      ['contracts[0]: expected at most 250000 characters of JSON: split it into several']);
  });

  it('names every fault at once', () => {
    expect(faultsOf('timezone: x\nclients: [{ id: a, wieght: 1 }, { id: b, status: on }]')).toHaveLength(3);
  });

  it('refuses a personal field in criteria, and offers what is derived from it', () => {
    const text = (name: string) => `${withContract(`criteria: { field: ${name}, op: exists }`)}
campaigns: [{ id: solar, fields: { email: { type: email }, zip: { type: postalCode, personal: true } } }]`;
    expect(faultsOf(text('zip'))).toEqual(
      ['contracts[0].criteria.field: "zip" is personal in campaign solar and cannot stand in criteria; what is derived from it can: zip.state, zip.prefix']);
    expect(faultsOf(text('email'))).toEqual(
      ['contracts[0].criteria.field: "email" is personal in campaign solar and cannot stand in criteria; nothing is derived from it']);
    expect(faultsOf(text('zip.state'))).toEqual([]);
    expect(faultsOf(text('zip.city'))).toEqual(['contracts[0].criteria.field: nothing named "city" is derived from zip; there are zip.state, zip.prefix']);
  });

  it('refuses a field that no campaign of the contract has, and lets it be where a campaign declares none', () => {
    const text = (more: string) => `${withContract('criteria: { field: stat, op: exists }')}\ncampaigns: [{ id: solar, fields: { state: { type: string } } }${more}]`;
    expect(faultsOf(text(''))).toEqual(['contracts[0].criteria.field: no field "stat" in solar; did you mean "state"?']);
    expect(faultsOf(text(', { id: open }'))).toEqual([]);
  });

  it('refuses shares of one rule that add up to more than all, and takes shares that never meet', () => {
    const text = (first: string, second: string) => `clients: [{ id: a }, { id: b }]
contracts: [{ id: A, client: a, percentage: 60.5, campaigns: [${first}] }, { id: B, client: b, percentage: 60, campaigns: [${second}] }]
campaigns: [{ id: x, workflow: w }, { id: y, workflow: w }]
workflows: [{ id: w, rules: [{ method: percentage, timeframe: day }] }]`;
    expect(faultsOf(text('x', 'x'))).toEqual(['workflows[0].rules[0]: percentages in campaign x add up to 120.5, more than 100 (A 60.5, B 60)']);
    expect(faultsOf(text('x', 'y'))).toEqual([]);
  });
});
