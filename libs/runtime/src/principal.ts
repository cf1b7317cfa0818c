/** Who calls. The tenant comes from here alone, never from a path, query, body or header. */
export interface Principal {
  readonly tenantId: string;
  readonly kind: 'admin' | 'source' | 'service';
  /** The source of a source key, the user or key of an admin, the name of a service. */
  readonly id: string;
}

/** Answers who holds an API key; undefined = nobody. The composition root's guard asks each in turn and denies by default. */
export abstract class Authenticator {
  abstract authenticate(key: string): Promise<Principal | undefined>;
}
