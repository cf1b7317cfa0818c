import type { Clock } from './clock.js';
import { KeyValue } from './key-value.js';

/** Within one process: what the platform uses where no Redis is given. */
export class LocalKeyValue extends KeyValue {
  private readonly values = new Map<string, { value: string; until: number }>();

  constructor(private readonly clock: Clock) {
    super();
  }

  override async get(key: string): Promise<string | undefined> {
    return this.live(key)?.value;
  }

  override async set(key: string, value: string, ttlMs: number): Promise<void> {
    this.sweep();
    this.values.set(key, { value, until: this.clock.now() + ttlMs });
  }

  override async add(key: string, amount: number, ttlMs: number): Promise<number> {
    const found = this.live(key);
    const sum = Number(found?.value ?? 0) + amount;
    if (!found) this.sweep();
    this.values.set(key, { value: String(sum), until: found?.until ?? this.clock.now() + ttlMs });
    return sum;
  }

  override async close(): Promise<void> {
    this.values.clear();
  }

  private live(key: string) {
    const found = this.values.get(key);
    return found && found.until > this.clock.now() ? found : undefined;
  }

  /** Bounded: at ten thousand entries the dead ones go. */
  private sweep(): void {
    if (this.values.size < 10_000) return;
    const now = this.clock.now();
    for (const [key, { until }] of this.values) if (until <= now) this.values.delete(key);
  }
}
