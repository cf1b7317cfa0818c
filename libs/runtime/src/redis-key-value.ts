import { createClient } from 'redis';
import { KeyValue } from './key-value.js';

type Client = ReturnType<typeof createClient>;

/** Shared between replicas by Redis. Where Redis does not answer, it is as if the key were not there: slower, never wrong. */
export class RedisKeyValue extends KeyValue {
  private constructor(private readonly client: Client) {
    super();
  }

  static async connect(url: string): Promise<RedisKeyValue> {
    const reconnectStrategy = (tries: number) => Math.min(tries * 100, 2_000);
    const client = createClient({ url, disableOfflineQueue: true, socket: { connectTimeout: 2_000, reconnectStrategy } });
    client.on('error', () => undefined);
    // One that is away must not keep a service from starting: the client goes on trying, and until then no key is there.
    const connected = client.connect().catch(() => undefined);
    await Promise.race([connected, new Promise((resolve) => setTimeout(resolve, 3_000).unref())]);
    return new RedisKeyValue(client as Client);
  }

  override async get(key: string): Promise<string | undefined> {
    return (await this.client.get(key).catch(() => null)) ?? undefined;
  }

  override async set(key: string, value: string, ttlMs: number): Promise<void> {
    await this.client.set(key, value, { expiration: { type: 'PX', value: ttlMs } }).catch(() => undefined);
  }

  override async add(key: string, amount: number, ttlMs: number): Promise<number> {
    const sum = await this.client.incrBy(key, amount).catch(() => amount);
    if (sum === amount) await this.client.pExpire(key, ttlMs).catch(() => undefined);
    return sum;
  }

  override async close(): Promise<void> {
    await this.client.close().catch(() => undefined);
  }
}
