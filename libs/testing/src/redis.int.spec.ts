import { expect, it } from '@jest/globals';
import { createClient } from 'redis';
import { describeWithRedis, testRedis } from './index.js';

describeWithRedis('the Redis of a run', () => {
  it('answers, and is the same for every spec', async () => {
    const url = await testRedis();
    const client = await createClient({ url }).on('error', () => undefined).connect();
    try {
      await client.set('planted', 'yes');
      expect(await client.get('planted')).toBe('yes');
    } finally {
      client.destroy();
    }
    expect(await testRedis()).toBe(url);
  });
});
