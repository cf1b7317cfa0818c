import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** What a client got. */
export interface Received {
  readonly path: string;
  readonly webhookId: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly at: number;
}

type Behaviour = (response: http.ServerResponse, request: Received, nth: number) => void;

const json = (status: number, body: unknown, headers: Record<string, string> = {}): Behaviour => (response) => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
};

/** A client as it should be and as it may be: accepts, refuses, hangs, cuts the line after it took the lead, lies, sends elsewhere. */
export class Receiver {
  readonly got: Received[] = [];
  private readonly sockets = new Set<import('node:net').Socket>();
  private readonly scripted = new Map<string, Behaviour>();
  private readonly counts = new Map<string, number>();
  readonly behaviours: Record<string, Behaviour> = {
    accepts: json(200, { result: 'accepted', id: 'ref-1' }),
    rejects: json(200, { result: 'rejected', reason: 'out_of_area' }),
    refuses: json(422, { error: 'no' }),
    gone: json(410, { error: 'gone' }),
    fails: json(500, { error: 'boom' }),
    busy: json(503, { error: 'busy' }, { 'retry-after': '1' }),
    elsewhere: json(302, {}, { location: 'http://127.0.0.1:1/' }),
    lies: json(200, { result: 'perhaps' }),
    hangs: () => undefined,
    resets: (response) => response.socket?.resetAndDestroy(),
  };

  private constructor(private readonly server: http.Server) {}

  static async start(): Promise<Receiver> {
    const server = http.createServer();
    const receiver = new Receiver(server);
    server.on('request', (request, response) => receiver.take(request, response));
    server.on('connection', (socket) => {
      receiver.sockets.add(socket);
      socket.on('close', () => receiver.sockets.delete(socket));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.port}/${path}`;
  }

  /** Behaves on a path of its own. */
  on(path: string, behaviour: Behaviour): string {
    this.scripted.set(path, behaviour);
    return this.url(path);
  }

  at(path: string): Received[] {
    return this.got.filter((one) => one.path === path);
  }

  /** Throws for what was not signed by this secret. */
  verify(received: Received, secret: string): void {
    new Webhook(secret).verify(received.body, received.headers as Record<string, string>);
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private take(request: http.IncomingMessage, response: http.ServerResponse): void {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = (request.url ?? '/').slice(1);
      const received: Received = {
        path, webhookId: String(request.headers['webhook-id']), headers: request.headers, body: Buffer.concat(chunks).toString(), at: Date.now(),
      };
      this.got.push(received);
      const nth = (this.counts.get(path) ?? 0) + 1;
      this.counts.set(path, nth);
      const behaviour = this.scripted.get(path) ?? this.behaviours[path.split('/')[0] ?? ''];
      if (behaviour) behaviour(response, received, nth);
      else response.writeHead(404).end();
    });
  }
}
