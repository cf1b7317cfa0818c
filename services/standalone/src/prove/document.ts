/** How much of what a proof does. */
export interface Amounts {
  /** Leads of the campaign that distributes on arrival. */
  readonly leads: number;
  /** Leads that wait in windows until a contract opens. */
  readonly patient: number;
  /** Leads whose windows are over after a minute, so that a fallback has them. */
  readonly brief: number;
  /** Leads that a person gives away by hand, past a gate. */
  readonly byHand: number;
  /** Accepted leads that are given back. */
  readonly returns: number;
}

export function amountsOf(leads: number): Amounts {
  const patient = Math.max(40, Math.floor(leads / 5));
  const few = Math.min(40, Math.floor(patient / 10));
  return { leads, patient, brief: Math.max(20, Math.floor(leads / 50)), byHand: few, returns: few };
}

/** Paused until all that waits for it has come; then it takes half of that. */
export const LATER = 'later';
/** Never opened: a person passes over it. */
export const BY_HAND = 'by-hand';

/** The set-up of a proof: contracts with hard caps, shares, windows and turns, all of them on the receiver's address. Zone UTC. */
export function proofDocument(receiver: string, { leads, patient }: Amounts): string {
  const contracts = [
    // Caps far below what arrives: at the end they must be met to the unit.
    { id: 'gold', client: 'gold', price: '40.00', maxShareCount: 1, caps: { total: Math.floor(leads / 20) } },
    { id: 'silver', client: 'silver', price: '30.00', maxShareCount: 2, caps: { total: Math.floor(leads / 10) } },
    { id: 'states', client: 'states', price: '26.00', maxShareCount: 3, caps: { total: Math.floor(leads / 8) }, criteria: { field: 'zip.state', op: 'in', value: ['NY', 'NJ', 'CA', 'TX', 'FL', 'IL'] } },
    { id: 'bills', client: 'bills', price: '22.00', maxShareCount: 3, criteria: { field: 'monthlyBill', op: 'atLeast', value: 150 } },
    { id: 'owners', client: 'owners', price: '15.00', maxShareCount: 3, criteria: { field: 'homeowner', op: 'equals', value: true } },
    { id: 'few', client: 'few', price: '50.00', maxShareCount: 1, caps: { total: 7 } },
    { id: 'rest', client: 'rest', price: '2.00', maxShareCount: 3, caps: { total: Math.floor(leads / 4) } },
  ].map((contract) => ({ ...contract, campaigns: ['solar'] }));
  const waitedFor = [
    { id: LATER, client: LATER, price: '20.00', maxShareCount: 1, campaigns: ['patient'], status: 'paused', caps: { total: Math.floor(patient / 2) } },
    { id: BY_HAND, client: BY_HAND, price: '12.00', maxShareCount: 1, campaigns: ['patient'], status: 'paused' },
    { id: 'last', client: 'last', price: '5.00', maxShareCount: 1, campaigns: ['brief'] },
  ];
  const all = [...contracts, ...waitedFor];
  const hooks = all.map(({ id }) => ({
    id: `${id}-hook`, type: 'webhook', url: `${receiver}/contracts/${id}`,
    accept: { status: [200], body: { path: '$.result', equals: 'accepted' } },
    reject: { status: [409], body: { path: '$.result', equals: 'rejected' }, reason: '$.reason' },
    retry: { delays: ['PT1S', 'PT2S', 'PT4S', 'PT8S', 'PT15S', 'PT30S', 'PT30S', 'PT30S'] },
  }));
  const personal = { required: true, personal: true };
  return JSON.stringify({
    apiVersion: 'v1', timezone: 'UTC', currency: 'USD',
    clients: all.map(({ id }) => ({ id, name: id })),
    contracts: all.map((contract) => ({ ...contract, deliveryMethod: `${contract.id}-hook` })),
    deliveryMethods: hooks,
    campaigns: [['solar', 'w'], ['patient', 'waits'], ['brief', 'waits-briefly']].map(([id, workflow]) => ({
      id, workflow, geo: 'zip', deadline: 'P1D',
      fields: {
        firstName: { type: 'string', ...personal }, lastName: { type: 'string', ...personal }, email: { type: 'email', ...personal },
        phone: { type: 'phone', ...personal }, zip: { type: 'postalCode', required: true }, homeowner: { type: 'boolean' }, monthlyBill: { type: 'integer' },
      },
    })),
    workflows: [
      { id: 'w', mode: 'onArrival', maxMultiplication: 3, rules: [{ method: 'price', take: 3 }] },
      { id: 'waits', mode: 'window', window: { length: 'P1D', every: 'PT5M' }, maxMultiplication: 1, rules: [{ method: 'price', take: 1 }] },
      // Nobody is in its rules: only its fallback can sell.
      { id: 'waits-briefly', mode: 'window', window: { length: 'PT1M', every: 'PT1M' }, maxMultiplication: 1, fallback: 'leftovers', rules: [{ method: 'price', take: 1, contracts: { ids: [LATER] } }] },
      { id: 'leftovers', mode: 'onArrival', maxMultiplication: 1, rules: [{ method: 'price', take: 1 }] },
    ],
  });
}

/** The caps of the set-up by contract. */
export function capsOf(document: string): Record<string, number> {
  const { contracts } = JSON.parse(document) as { contracts: { id: string; caps?: { total?: number } }[] };
  return Object.fromEntries(contracts.flatMap(({ id, caps }) => (caps?.total === undefined ? [] : [[id, caps.total]])));
}
