export interface OutgoingRequest {
  readonly method: 'POST' | 'PUT' | 'GET';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The very bytes that were signed. */
  readonly body: Uint8Array;
  readonly timeoutMs: number;
}

/**
 * What became of a request. `refused`: the guard did not let it out. `unsent`: no byte can have left. `unanswered`: bytes may have left,
 * and no whole answer came, so that nobody knows whether the receiver acted.
 */
export type SendResult =
  | { readonly kind: 'answered'; readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string; readonly durationMs: number }
  | { readonly kind: 'refused' | 'unsent' | 'unanswered'; readonly reason: string; readonly durationMs: number };

/** The only way out of the platform. */
export abstract class HttpSender {
  abstract send(request: OutgoingRequest): Promise<SendResult>;
}
