import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

/** What a client answers to a webhook id: the same at every repetition, as a real client that looks ids up would. */
export type Verdict = 'accepted' | 'rejected';

/**
 * The clients of the proof, outside the platform: they write down every distinct webhook id they were sent, and what they said. Now and
 * then they take a lead in and break the connection before they answer, or answer 503, so that it comes again.
 */
export class Receiver {
  /** By contract: webhook id → verdict, once a verdict was given or the lead was taken in. */
  readonly log = new Map<string, Map<string, Verdict>>();
  requests = 0;
  repeated = 0;
  private readonly seen = new Map<string, number>();
  private server: Server | undefined;

  constructor(private readonly trouble: { readonly reject: number; readonly breakOff: number; readonly unavailable: number }) {}

  async listen(): Promise<number> {
    const server = createServer((request, response) => void this.answer(request, response));
    server.keepAliveTimeout = 60_000;
    this.server = server;
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  }

  async close(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => this.server?.close(resolve));
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // The body is read to its end: a client that answers earlier would be a different fault.
    for await (const _ of request) void _;
    this.requests++;
    const contract = decodeURIComponent(request.url!.split('/').at(-1)!);
    const id = String(request.headers['webhook-id'] ?? '');
    const times = (this.seen.get(id) ?? 0) + 1;
    this.seen.set(id, times);
    if (times > 1) this.repeated++;
    const draw = (what: string) => createHash('sha256').update(`${what}/${id}`).digest().readUInt32BE() / 2 ** 32;
    if (times === 1 && draw('unavailable') < this.trouble.unavailable) return void response.writeHead(503).end('{"result":"later"}');
    const verdict: Verdict = draw('reject') < this.trouble.reject ? 'rejected' : 'accepted';
    const log = this.log.get(contract) ?? new Map<string, Verdict>();
    this.log.set(contract, log.set(id, verdict));
    if (times === 1 && verdict === 'accepted' && draw('break') < this.trouble.breakOff) return void request.socket.destroy();
    response.writeHead(verdict === 'accepted' ? 200 : 409, { 'content-type': 'application/json' }).end(JSON.stringify({ result: verdict, reason: 'not_wanted' }));
  }
}

