/** The set-up of a proof: contracts with hard caps, shares, weights and turns, all of them on the receiver's address. Zone UTC. */
export function proofDocument(receiver: string, leads: number): string {
  const contracts = [
    // Caps far below what arrives: at the end they must be met to the unit.
    { id: 'gold', client: 'gold', price: '40.00', maxShareCount: 1, caps: { total: Math.floor(leads / 20) } },
    { id: 'silver', client: 'silver', price: '30.00', maxShareCount: 2, caps: { total: Math.floor(leads / 10) } },
    { id: 'states', client: 'states', price: '26.00', maxShareCount: 3, caps: { total: Math.floor(leads / 8) }, criteria: { field: 'zip.state', op: 'in', value: ['NY', 'NJ', 'CA', 'TX', 'FL', 'IL'] } },
    { id: 'bills', client: 'bills', price: '22.00', maxShareCount: 3, criteria: { field: 'monthlyBill', op: 'atLeast', value: 150 } },
    { id: 'owners', client: 'owners', price: '15.00', maxShareCount: 3, criteria: { field: 'homeowner', op: 'equals', value: true } },
    { id: 'few', client: 'few', price: '50.00', maxShareCount: 1, caps: { total: 7 } },
    { id: 'rest', client: 'rest', price: '2.00', maxShareCount: 3, caps: { total: Math.floor(leads / 4) } },
  ];
  const hooks = contracts.map(({ id }) => ({
    id: `${id}-hook`, type: 'webhook', url: `${receiver}/contracts/${id}`,
    accept: { status: [200], body: { path: '$.result', equals: 'accepted' } },
    reject: { status: [409], body: { path: '$.result', equals: 'rejected' }, reason: '$.reason' },
    retry: { delays: ['PT1S', 'PT2S', 'PT4S', 'PT8S', 'PT15S', 'PT30S', 'PT30S', 'PT30S'] },
  }));
  const personal = { required: true, personal: true };
  return JSON.stringify({
    apiVersion: 'v1', timezone: 'UTC', currency: 'USD',
    clients: contracts.map(({ id }) => ({ id, name: id })),
    contracts: contracts.map((contract) => ({ ...contract, deliveryMethod: `${contract.id}-hook` })),
    deliveryMethods: hooks,
    campaigns: [{
      id: 'solar', workflow: 'w', geo: 'zip', deadline: 'P1D',
      fields: {
        firstName: { type: 'string', ...personal }, lastName: { type: 'string', ...personal }, email: { type: 'email', ...personal },
        phone: { type: 'phone', ...personal }, zip: { type: 'postalCode', required: true }, homeowner: { type: 'boolean' }, monthlyBill: { type: 'integer' },
      },
    }],
    workflows: [{ id: 'w', mode: 'onArrival', maxMultiplication: 3, rules: [{ method: 'price', take: 3 }] }],
  });
}

/** The caps of the set-up by contract. */
export function capsOf(document: string): Record<string, number> {
  const { contracts } = JSON.parse(document) as { contracts: { id: string; caps?: { total?: number } }[] };
  return Object.fromEntries(contracts.flatMap(({ id, caps }) => (caps?.total === undefined ? [] : [[id, caps.total]])));
}
