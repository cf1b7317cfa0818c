import { formatMoney } from '@sluice/kernel';
import type { Api } from '../api.js';
import { rowsOf, sayMore } from './pages-of.js';
import { table } from '../table.js';
import type { Terminal } from '../terminal.js';

interface Pooled {
  readonly leadId: string;
  readonly campaignId: string | null;
  readonly receivedAt: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly buyers: unknown;
  readonly offers: readonly { readonly contractId: string; readonly priceMinor: string; readonly currency: string }[];
}

export interface PoolFilter {
  readonly campaign?: string | undefined;
  readonly sold?: string | undefined;
  readonly limit: number;
  readonly json: boolean;
}

/** Lists the leads that a client may take for itself, newest first, with the price of each of its contracts. */
export async function pool(api: Api, client: string, { campaign, sold, limit, json }: PoolFilter, terminal: Terminal): Promise<void> {
  const list = await rowsOf<Pooled>(api, '/v1/pool', { client, campaign, sold }, limit, 200);
  const data = list.rows;
  if (json) {
    for (const lead of data) terminal.out(JSON.stringify(lead));
    return;
  }
  if (data.length === 0) { terminal.line(`There is no lead that ${client} may take.`); return; }
  const rows = data.map((lead) => [
    lead.leadId, lead.campaignId ?? '', lead.receivedAt.slice(0, 19).replace('T', ' '),
    lead.offers.map(({ contractId, priceMinor, currency }) => `${contractId} ${formatMoney(BigInt(priceMinor), currency)} ${currency}`).join(', '), attributesOf(lead),
  ]);
  for (const line of table([{ title: 'lead' }, { title: 'campaign' }, { title: 'received' }, { title: 'for' }, { title: 'attributes' }], rows)) terminal.out(line);
  sayMore(list, limit, terminal);
}

function attributesOf({ attributes }: Pooled): string {
  return Object.entries(attributes).slice(0, 6).map(([name, value]) => `${name} ${String(value)}`).join(', ');
}
