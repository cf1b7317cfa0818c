import { expect, it } from '@jest/globals';
import type { ConfigDocument } from '@sluice/distribution';
import { undeliverable } from './undeliverable.js';

it('warns of contracts that no lead can be delivered to, but for those that are closed', () => {
  const document = {
    apiVersion: 'v1', clients: [{ id: 'acme' }],
    contracts: [
      { id: 'good', client: 'acme', deliveryMethod: 'hook' }, { id: 'none', client: 'acme' },
      { id: 'off', client: 'acme', deliveryMethod: 'old-hook' }, { id: 'shut', client: 'acme', status: 'closed' },
    ],
    deliveryMethods: [{ id: 'hook', type: 'webhook', url: 'https://a.example' }, { id: 'old-hook', type: 'webhook', url: 'https://b.example', enabled: false }],
  } as unknown as ConfigDocument;
  expect(undeliverable(document).map(({ path, message }) => [path, message])).toEqual([
    ['contracts[1].deliveryMethod', 'none names no delivery method: every lead is refused with no_delivery_method.'],
    ['contracts[2].deliveryMethod', 'off has a delivery method, old-hook, that is off: every lead is refused with no_delivery_method.'],
  ]);
});
