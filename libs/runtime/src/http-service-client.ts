import { Agent, request } from 'undici';
import type { Clock } from './clock.js';
import { signPrincipal } from './service-credential.js';
import { ServiceClient } from './service-client.js';
import { traceparentOf } from './trace.js';

/** Over HTTP to the address of each service; in the single process all addresses are its own. */
export class HttpServiceClient extends ServiceClient {
  // Internal traffic only; what goes out of the platform goes through the guarded sender.
  private readonly agent = new Agent({ keepAliveTimeout: 30_000, connections: 32 });

  constructor(private readonly addressOf: (service: string) => string, private readonly secret: string, private readonly clock: Clock) {
    super();
  }

  override async post<T>(
    service: string, path: string, body: unknown, options: { readonly tenantId: string; readonly timeoutMs?: number },
  ): Promise<T> {
    const credential = signPrincipal({ tenantId: options.tenantId, kind: 'service', id: service }, this.secret, this.clock.now());
    const traceparent = traceparentOf();
    const timeoutMs = options.timeoutMs ?? 5_000;
    const response = await request(`${this.addressOf(service)}${path}`, {
      method: 'POST',
      dispatcher: this.agent,
      headers: { 'content-type': 'application/json', authorization: `Service ${credential}`, ...(traceparent ? { traceparent } : {}) },
      body: JSON.stringify(body),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    if (response.statusCode < 200 || response.statusCode > 299) {
      await response.body.dump();
      throw new Error(`${service} answered ${response.statusCode} to ${path}`);
    }
    return (await response.body.json()) as T;
  }

  async close(): Promise<void> {
    await this.agent.close();
  }
}
