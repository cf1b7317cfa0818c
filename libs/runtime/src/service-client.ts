/** Queries from one service to another: never on the path of a lead's state. */
export abstract class ServiceClient {
  /** Posts JSON to a path of a service for a tenant, with a signed service credential. Throws on anything but a 2xx. */
  abstract post<T>(
    service: string, path: string, body: unknown, options: { readonly tenantId: string; readonly timeoutMs?: number },
  ): Promise<T>;
}
