import { seededRandom, type SeededRandom } from '@sluice/kernel';
import { commonPostalCodes } from './postal-codes.js';

export type SampleLead = Record<string, string | number | boolean>;

const firstNames = 'James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph Jessica Thomas Sarah Maria Wei Aisha Carlos Olga Kofi'.split(' ');
const lastNames = 'Smith Johnson Williams Brown Jones Garcia Miller Davis Rodriguez Martinez Hernandez Lopez Gonzalez Wilson Anderson Nguyen Taylor Moore Lee Kowalski Okafor'.split(' ');
const areaCodes = ['212', '646', '917', '201', '973', '203', '215', '617', '312', '773', '612', '404', '305', '713', '214', '602', '702', '415', '310', '206', '503'];

/** Values as they come in life: a few places, first names and amounts make up most of what is seen. */
function skewed(random: SeededRandom, count: number): number {
  return Math.min(count - 1, Math.floor(count * random.next() ** 2.2));
}

const campaignFields: Readonly<Record<string, (random: SeededRandom) => SampleLead>> = {
  solar: (random) => ({ homeowner: random.chance(0.78), monthlyBill: 60 + Math.floor(420 * random.next() ** 1.6) }),
  insurance: (random) => ({ age: 18 + Math.floor(70 * random.next() ** 1.4), vehicles: random.pick([0, 1, 1, 1, 2, 2, 3, 4]) }),
  mortgage: (random) => ({
    loanAmount: 1_000 * Math.floor(90 + 900 * random.next() ** 2),
    credit: random.pick(['excellent', 'good', 'good', 'good', 'fair', 'fair', 'poor']),
  }),
  callbacks: (random) => ({ topic: random.pick(['quote', 'quote', 'quote', 'question', 'claim']) }),
};

export const sampleCampaigns = Object.keys(campaignFields);

/**
 * Leads with realistic, skewed fields. The same seed and campaign give the same leads, and the n-th is a person of its own: phone and
 * e-mail never repeat within a run of ten million.
 */
export function* sampleLeads(campaign: string, seed: string | number): Generator<SampleLead> {
  const fields = campaignFields[campaign];
  if (!fields) throw new RangeError(`There is no sample for the campaign "${campaign}"; there are ${sampleCampaigns.join(', ')}.`);
  const random = seededRandom(`${seed}/${campaign}`);
  const salt = random.int(0, 9_999_999);
  for (let n = 0; ; n++) {
    const firstName = firstNames[skewed(random, firstNames.length)]!;
    const lastName = lastNames[skewed(random, lastNames.length)]!;
    // 7 919 is prime to ten million, so the numbers run through all subscribers before one comes again.
    const subscriber = (salt + n * 7_919) % 8_000_000 + 2_000_000;
    const area = areaCodes[skewed(random, areaCodes.length)]!;
    yield {
      firstName,
      lastName,
      email: `${firstName}.${lastName}.${subscriber}@mail.example`.toLowerCase(),
      phone: `(${area}) ${String(subscriber).slice(0, 3)}-${String(subscriber).slice(3)}`,
      zip: commonPostalCodes[skewed(random, commonPostalCodes.length)]!,
      ...fields(random),
    };
  }
}

/** The leads as CSV with a header row; values are quoted where they must be. */
export function* sampleCsv(campaign: string, seed: string | number, count: number): Generator<string> {
  let rows = 0;
  for (const lead of sampleLeads(campaign, seed)) {
    if (rows === 0) yield `${Object.keys(lead).join(',')}\n`;
    if (rows++ === count) return;
    yield `${Object.values(lead).map(quoted).join(',')}\n`;
  }
}

function quoted(value: string | number | boolean): string {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
