import { ApiRefusal, type Api } from '../api.js';
import type { Terminal } from '../terminal.js';
import { BY_HAND, LATER, type Amounts } from './document.js';

/** What was asked of the platform by people while it was killed. */
export interface Asked {
  readonly byHand: readonly string[];
  readonly returned: readonly string[];
}

interface Page<T> { readonly data: readonly T[] }

/**
 * What people do meanwhile: open the contract that leads wait for, give some of those that are left to a contract that is shut, past its
 * gate, and give accepted ones back, whose units others then get. Each is asked until it is answered, under one key.
 */
export async function actAsPeople(api: Api, amounts: Amounts, terminal: Terminal): Promise<Asked> {
  const headers = { prefer: 'wait=60', 'if-match': '*' };
  await steadily(() => api.call('PATCH', `/v1/contracts/${LATER}`, { body: { status: 'open' }, headers }));
  terminal.line(`"${LATER}" is open: the leads that waited for it are brought forward.`);
  await until(async () => {
    const { data: [cap] } = await api.call<Page<{ used: number; limit: number }>>('GET', `/v1/caps?contract=${LATER}`);
    return cap !== undefined && cap.used >= cap.limit;
  });
  const waiting = await until(async () => {
    const { data } = await api.call<Page<{ leadId: string }>>('GET', `/v1/windows?state=open&campaign=patient&limit=${amounts.byHand}`);
    return data.length >= amounts.byHand && data;
  });
  for (const { leadId } of waiting) {
    const body = { contracts: [BY_HAND], overrides: ['contract_not_open'], reason: 'promised by phone', by: 'ann' };
    await steadily(() => api.call('POST', `/v1/leads/${leadId}/distributions`, { body, headers: { 'idempotency-key': `by-hand-${leadId}` } }));
  }
  terminal.line(`${waiting.length} leads that waited on were given to "${BY_HAND}" by hand.`);
  const accepted = await until(async () => {
    const path = `/v1/contracts/${LATER}/outbound-leads?status=accepted&limit=${amounts.returns}`;
    const { data } = await api.call<Page<{ outboundLeadId: string }>>('GET', path);
    return data.length >= amounts.returns && data;
  });
  for (const { outboundLeadId } of accepted) {
    await steadily(() => api.call('POST', `/v1/outbound-leads/${outboundLeadId}/return`, { body: { reason: 'wrong number' } }));
  }
  terminal.line(`${accepted.length} accepted leads were given back.`);
  return { byHand: waiting.map(({ leadId }) => leadId), returned: accepted.map(({ outboundLeadId }) => outboundLeadId) };
}

/** Asks again while nobody is there to answer; a refusal is one. */
async function steadily<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      const isRefusal = error instanceof ApiRefusal && ![404, 409, 429, 502, 503, 504].includes(error.status);
      if (isRefusal || attempt >= 240) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

/** Asks until the answer is one. */
export async function until<T>(ask: () => Promise<T | false>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const answer = await steadily(ask);
    if (answer !== false) return answer;
    if (attempt >= 600) throw new Error('What was waited for did not come in five minutes.');
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
