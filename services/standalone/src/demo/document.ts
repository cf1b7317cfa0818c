/** The first minute of every third: whoever watches sees windows fill and empty again. */
const MINUTES = Array.from({ length: 480 }, (_, third) => third * 3).map((minute) => `"${clock(minute)}-${clock(minute + 1)}"`).join(', ');

function clock(minute: number): string {
  return `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
}

/**
 * The set-up that a first start shows: four campaigns and nine clients with different rules, whose endpoints accept, reject, are slow and
 * fail; calls go to whoever of the desk is there. `base` is the address of the built-in endpoint.
 */
export function demoDocument(base: string): string {
  return `apiVersion: v1
timezone: America/New_York
currency: USD

campaigns:
  - id: solar
    workflow: best-price
    deadline: P7D
    geo: zip
    fields:
      firstName: { type: string, required: true, personal: true }
      lastName: { type: string, required: true, personal: true }
      email: { type: email, required: true, personal: true }
      phone: { type: phone, required: true, personal: true }
      zip: { type: postalCode, required: true }
      homeowner: { type: boolean }
      monthlyBill: { type: integer, min: 0, max: 5000 }
  - id: insurance
    workflow: fair-turns
    geo: zip
    fields:
      firstName: { type: string, required: true, personal: true }
      lastName: { type: string, required: true, personal: true }
      email: { type: email, required: true, personal: true }
      phone: { type: phone, required: true, personal: true }
      zip: { type: postalCode, required: true }
      age: { type: integer, min: 16, max: 110 }
      vehicles: { type: integer, min: 0, max: 20 }
  - id: mortgage
    workflow: near-and-good
    geo: zip
    fields:
      firstName: { type: string, required: true, personal: true }
      lastName: { type: string, required: true, personal: true }
      email: { type: email, required: true, personal: true }
      phone: { type: phone, required: true, personal: true }
      zip: { type: postalCode, required: true }
      loanAmount: { type: integer, min: 10000, max: 5000000 }
      credit: { type: string, values: [excellent, good, fair, poor] }
  - id: callbacks
    pushStrategy: desk
    fields:
      firstName: { type: string, required: true, personal: true }
      lastName: { type: string, required: true, personal: true }
      email: { type: email, required: true, personal: true }
      phone: { type: phone, required: true, personal: true }
      zip: { type: postalCode, required: true }
      topic: { type: string, values: [quote, claim, question] }

# Calls go to whoever was there in the last half minute; those that nobody takes for ten minutes go to the voice box.
pushStrategies:
  - id: desk
    campaigns: [callbacks]
    from: corporate
    method: weighted
    onlyActiveWithin: PT30S
    recipients: [{ to: ann, weight: 2 }, { to: ben, weight: 1 }]
    timeout: { after: PT10M, to: voice-box }

workflows:
  # What has less than two buyers waits for half an hour, and is tried again as soon as somebody can take it.
  - id: best-price
    mode: window
    window: { length: PT30M, every: PT5M }
    maxMultiplication: 2
    priceOptimization: separate
    rules: [{ method: price, take: 2 }]
  - id: fair-turns
    mode: onArrival
    maxMultiplication: 1
    rules: [{ method: weighted, take: 1 }]
  - id: near-and-good
    mode: onArrival
    maxMultiplication: 2
    rules: [{ method: distance, take: 1 }, { method: qualityScore, take: 1 }]

clients:
  - { id: acme-solar, name: Acme Solar, timezone: America/Chicago }
  - { id: bright-roofs, name: Bright Roofs }
  - { id: coastal-energy, name: Coastal Energy, timezone: America/Los_Angeles, caps: { day: 400 } }
  - { id: dependable-auto, name: Dependable Auto }
  - { id: evergreen-mutual, name: Evergreen Mutual }
  - { id: first-harbor, name: First Harbor Bank, timezone: America/Chicago }
  - { id: granite-lending, name: Granite Lending }
  - { id: homestead-loans, name: Homestead Loans }
  - { id: island-power, name: Island Power }

contracts:
  - id: acme-exclusive
    client: acme-solar
    campaigns: [solar]
    criteria: { all: [{ field: zip.state, op: in, value: [NY, NJ, CT, PA] }, { field: monthlyBill, op: atLeast, value: 250 }] }
    price: 62.00
    maxShareCount: 1
    caps: { hour: 20, day: 100 }
    deliveryMethod: acme-hook
  - id: acme-shared
    client: acme-solar
    campaigns: [solar]
    criteria: { field: homeowner, op: equals, value: true }
    price: 24.00
    maxShareCount: 3
    deliveryMethod: acme-hook
  - id: bright-northeast
    client: bright-roofs
    campaigns: [solar]
    criteria: { field: zip.state, op: in, value: [NY, NJ, CT, MA, RI, NH, VT, ME, PA] }
    price: 27.50
    maxShareCount: 3
    deliveryMethod: bright-hook
  - id: coastal-west
    client: coastal-energy
    campaigns: [solar]
    criteria: { field: zip.state, op: in, value: [CA, OR, WA, AZ, NV] }
    price: 31.00
    maxShareCount: 2
    caps: { hour: 60 }
    deliveryMethod: coastal-hook
  # Takes what is left, but only in the first minute of every third.
  - id: island-leftovers
    client: island-power
    campaigns: [solar]
    price: 6.00
    maxShareCount: 3
    schedule: { open: { mon-sun: [${MINUTES}] } }
    deliveryMethod: island-hook
  - { id: dependable-all, client: dependable-auto, campaigns: [insurance], price: 11.00, weight: 3, deliveryMethod: dependable-hook }
  - id: evergreen-families
    client: evergreen-mutual
    campaigns: [insurance]
    criteria: { all: [{ field: age, op: between, value: [25, 70] }, { field: vehicles, op: atLeast, value: 1 }] }
    price: 14.00
    weight: 2
    deliveryMethod: evergreen-hook
  - id: harbor-midwest
    client: first-harbor
    campaigns: [mortgage]
    price: 48.00
    qualityScore: 160
    maxShareCount: 2
    locations: [{ postalCode: "60601", country: US }, { postalCode: "55401", country: US }]
    radiusKm: 600
    deliveryMethod: harbor-hook
  - id: granite-any
    client: granite-lending
    campaigns: [mortgage]
    criteria: { field: credit, op: in, value: [excellent, good, fair] }
    price: 39.00
    qualityScore: 140
    maxShareCount: 2
    locations: [{ postalCode: "10001", country: US }]
    caps: { hour: 30 }
    deliveryMethod: granite-hook
  - id: homestead-large
    client: homestead-loans
    campaigns: [mortgage]
    criteria: { field: loanAmount, op: atLeast, value: 400000 }
    price: 71.00
    qualityScore: 120
    maxShareCount: 1
    locations: [{ postalCode: "94103", country: US }]
    deliveryMethod: homestead-hook

# Granite takes large loans of people with excellent credit alone; a lead says why it was kept out in its explanation.
scripts:
  - id: large-loans
    status: active
    campaigns: [mortgage]
    contracts: [granite-any]
    code: |
      function filter(lead, contract) {
        if (lead.fields.loanAmount > 600000 && lead.fields.credit !== 'excellent') return 'a loan this large needs excellent credit';
        return true;
      }
    tests:
      - { name: large and good, hook: filter, lead: { loanAmount: 700000, credit: good }, contract: granite-any, expect: a loan this large needs excellent credit }
      - { name: large and excellent, hook: filter, lead: { loanAmount: 700000, credit: excellent }, contract: granite-any, expect: true }

deliveryMethods:
  - { id: acme-hook, type: webhook, url: "${base}/accepts/acme-solar", accept: { status: [200], body: { path: $.result, equals: accepted } }, reject: { status: [200, 409], body: { path: $.result, equals: rejected }, reason: $.reason } }
  - { id: bright-hook, type: webhook, url: "${base}/rejects/bright-roofs", accept: { status: [200], body: { path: $.result, equals: accepted } }, reject: { status: [200, 409], body: { path: $.result, equals: rejected }, reason: $.reason } }
  - { id: coastal-hook, type: webhook, url: "${base}/slow/coastal-energy", accept: { status: [200], body: { path: $.result, equals: accepted } }, reject: { status: [200, 409], body: { path: $.result, equals: rejected }, reason: $.reason } }
  - { id: dependable-hook, type: webhook, url: "${base}/accepts/dependable-auto", accept: { status: [200], body: { path: $.result, equals: accepted } } }
  - { id: evergreen-hook, type: webhook, url: "${base}/fails/evergreen-mutual", accept: { status: [200], body: { path: $.result, equals: accepted } } }
  - { id: harbor-hook, type: webhook, url: "${base}/accepts/first-harbor", accept: { status: [200], body: { path: $.result, equals: accepted } } }
  - { id: granite-hook, type: webhook, url: "${base}/rejects/granite-lending", accept: { status: [200], body: { path: $.result, equals: accepted } }, reject: { status: [200, 409], body: { path: $.result, equals: rejected }, reason: $.reason } }
  - { id: island-hook, type: webhook, url: "${base}/accepts/island-power", accept: { status: [200], body: { path: $.result, equals: accepted } } }
  - { id: homestead-hook, type: webhook, url: "${base}/slow/homestead-loans", accept: { status: [200], body: { path: $.result, equals: accepted } } }
`;
}

/** The sources of the demo: name and the campaign that their leads are of. */
export const demoSources = [
  { name: 'Landing page', campaign: 'solar', channel: 'web' },
  { name: 'Partner feed', campaign: 'insurance', channel: 'partner' },
  { name: 'Call centre', campaign: 'mortgage', channel: 'phone' },
  { name: 'Call me back', campaign: 'callbacks', channel: 'web' },
] as const;
