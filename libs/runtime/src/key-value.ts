/** Counters and short-lived values that replicas share. An accelerator: emptied at any instant it changes latency, never an outcome. */
export abstract class KeyValue {
  abstract get(key: string): Promise<string | undefined>;
  abstract set(key: string, value: string, ttlMs: number): Promise<void>;
  /** Adds to a counter that lives for `ttlMs` from its first use; answers the sum. */
  abstract add(key: string, amount: number, ttlMs: number): Promise<number>;
  abstract close(): Promise<void>;
}
