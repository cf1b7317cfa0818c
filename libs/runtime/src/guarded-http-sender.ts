import { lookup as resolve } from 'node:dns/promises';
import { isIP, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { SecureContextOptions } from 'node:tls';
import { buildConnector, Pool, type Dispatcher } from 'undici';
import { AddressGuard, bareHost, sameAddress, type CheckedUrl, type DestinationPolicy } from './address-guard.js';
import { HttpSender, type OutgoingRequest, type SendResult } from './http-sender.js';

export interface GuardOptions extends DestinationPolicy {
  readonly connectTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  /** No request may take longer, whatever it asks for. */
  readonly totalTimeoutMsMax?: number;
  /** Open connections to one destination. */
  readonly connections?: number;
  /** All addresses of a name; the system's resolver unless given. */
  readonly lookup?: (host: string) => Promise<readonly string[]>;
  /** More roots of trust, for receivers with a private authority. */
  readonly tls?: Pick<SecureContextOptions, 'ca'>;
}

const RESPONSE_BYTES_MAX = 64 * 1024;
/** More addresses than any honest name has: vetting must not become the attack. */
const ADDRESSES_MAX = 100;
const POOLS_MAX = 2_000;
/** Ours alone: a tenant's header of such a name would change how the request is framed, or where it goes. */
const FRAMING = new Set([
  'host', 'content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'expect', 'te', 'trailer', 'proxy-connection', 'http2-settings',
]);
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\u0020-\u007e\u0080-\u00ff]*$/;

/** The guard's no, raised where a connection would be made. */
class Refusal extends Error {
  override readonly name = 'Refusal';
}

/**
 * The only way out of the platform. It vets the URL and every address its name has, dials a vetted address itself (so that no second
 * look-up can answer otherwise) under the original name, compares what it is connected to, follows nothing, unpacks nothing and reads
 * no more than 64 kB. Connections are kept per destination: a new TLS connection for each request costs twenty times as much.
 */
export class GuardedHttpSender extends HttpSender {
  private readonly guard: AddressGuard;
  private readonly pools = new Map<string, Pool>();
  private readonly checked = new Map<string, CheckedUrl>();

  constructor(private readonly options: GuardOptions = {}) {
    super();
    this.guard = new AddressGuard(options);
  }

  /** Never throws: what became of the request is the answer. `timeoutMs` of the request is its total, connecting included. */
  override send(request: OutgoingRequest): Promise<SendResult> {
    const start = performance.now();
    const checked = this.check(request.url);
    if (checked.kind === 'refused') return Promise.resolve({ kind: 'refused', reason: checked.reason, durationMs: 0 });
    const headers = headersOf(request.headers);
    if (typeof headers === 'string') return Promise.resolve({ kind: 'refused', reason: headers, durationMs: 0 });
    const pool = this.poolOf(checked.url, checked.named, checked.onlyAllowed);
    const timeoutMs = Math.min(request.timeoutMs, this.options.totalTimeoutMsMax ?? 20_000);
    return new Promise((done) => {
      const exchange = new Exchange(start, timeoutMs, done);
      try {
        pool.dispatch({
          path: checked.url.pathname + checked.url.search,
          method: request.method,
          headers,
          body: request.body,
        }, exchange);
      } catch {
        exchange.fail('unsent', 'request_malformed');
      }
    });
  }

  /** Ends all connections; what is under way is cut and counts as unanswered. */
  async close(): Promise<void> {
    const pools = [...this.pools.values()];
    this.pools.clear();
    await Promise.all(pools.map((pool) => pool.destroy()));
  }

  /** The same text gets the same verdict, since the policy stands: a receiver gets thousands of requests at one URL. */
  private check(url: string): CheckedUrl {
    let checked = this.checked.get(url);
    if (!checked) {
      checked = this.guard.checkUrl(url);
      if (this.checked.size >= POOLS_MAX) this.checked.clear();
      this.checked.set(url, checked);
    }
    return checked;
  }

  private poolOf(url: URL, named: boolean, onlyAllowed: boolean): Pool {
    const known = this.pools.get(url.origin);
    if (known) {
      if (this.pools.size < POOLS_MAX / 2) return known;
      // Moves to the end: the first of the map is the one unused for longest. Of few destinations none will have to go.
      this.pools.delete(url.origin);
      this.pools.set(url.origin, known);
      return known;
    }
    const pool = new Pool(url.origin, {
      connections: this.options.connections ?? 64,
      pipelining: 1,
      headersTimeout: this.options.headersTimeoutMs ?? 10_000,
      bodyTimeout: 10_000,
      // Below the 5 s after which many servers close: a connection closed while a request is on its way leaves nobody knowing.
      keepAliveTimeout: 4_000,
      maxHeaderSize: 16_384,
      connect: this.connector(bareHost(url), named, onlyAllowed),
    });
    // Failed connections are told to the requests that wait for them; nobody else needs them.
    pool.on('connectionError', () => undefined);
    this.pools.set(url.origin, pool);
    this.evict();
    return pool;
  }

  private evict(): void {
    for (const [origin, pool] of this.pools) {
      if (this.pools.size <= POOLS_MAX) return;
      if (pool.stats.size > 0) continue;
      this.pools.delete(origin);
      void pool.destroy().catch(() => undefined);
    }
  }

  private connector(host: string, named: boolean, onlyAllowed: boolean): buildConnector.connector {
    const timeout = this.options.connectTimeoutMs ?? 5_000;
    const dial = buildConnector({ timeout, ...(this.options.tls ?? {}) });
    return (options, callback) => {
      const connect = async (): Promise<Socket> => {
        const addresses = await withDeadline(this.vetted(host, named, onlyAllowed), timeout);
        let last: unknown;
        // Two tries are enough for a name whose first address is down; more would outlast the request.
        for (const address of addresses.slice(0, 2)) {
          try {
            return await dialVetted(dial, options, address);
          } catch (error) {
            last = error;
            if (error instanceof Refusal) break;
          }
        }
        throw last;
      };
      connect().then((socket) => callback(null, socket), (error: Error) => callback(error, null));
    };
  }

  /** The addresses of a host, IPv4 first, each of them allowed; throws a Refusal if any one is not. */
  private async vetted(host: string, named: boolean, onlyAllowed: boolean): Promise<readonly string[]> {
    const addresses = isIP(host) === 0 ? await (this.options.lookup ?? systemLookup)(host) : [host];
    if (addresses.length === 0) throw new Error('no address');
    if (addresses.length > ADDRESSES_MAX) throw new Refusal('too_many_addresses');
    if (!named) {
      for (const address of addresses) {
        const reason = this.guard.refusal(address, onlyAllowed);
        if (reason) throw new Refusal(reason);
      }
    }
    return [...addresses].sort((one, other) => isIP(one) - isIP(other));
  }
}

/** Follows one request: what it was answered, or whether a byte of it can have left. */
class Exchange implements Dispatcher.DispatchHandler {
  private controller: Dispatcher.DispatchController | undefined;
  private status = 0;
  private headers: Record<string, string> = {};
  private readonly chunks: Buffer[] = [];
  private size = 0;
  private over = false;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly start: number, timeoutMs: number, private readonly done: (result: SendResult) => void) {
    this.timer = setTimeout(() => this.timedOut(), timeoutMs);
  }

  /** Called on a connection, just before the first byte is written. */
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.over) controller.abort(new Error('too late'));
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Record<string, string | string[] | undefined>): void {
    // 1xx may come any number of times before the answer.
    if (status < 200) return;
    this.status = status;
    for (const name of Object.keys(headers)) {
      const value = headers[name];
      if (value !== undefined) this.headers[name] = Array.isArray(value) ? value.join(', ') : value;
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.over) return;
    this.chunks.push(this.size + chunk.length > RESPONSE_BYTES_MAX ? chunk.subarray(0, RESPONSE_BYTES_MAX - this.size) : chunk);
    this.size += chunk.length;
    if (this.size <= RESPONSE_BYTES_MAX) return;
    // The status has come and enough of the body; whoever sends more loses the connection.
    this.answer();
    controller.abort(new Error('answer too long'));
  }

  onResponseEnd(): void {
    this.answer();
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    if (error instanceof Refusal) return this.fail('refused', error.message);
    this.fail(this.controller ? 'unanswered' : 'unsent', codeOf(error));
  }

  fail(kind: 'refused' | 'unsent' | 'unanswered', reason: string): void {
    this.finish({ kind, reason, durationMs: this.elapsed() });
  }

  private timedOut(): void {
    const started = this.controller;
    this.fail(started ? 'unanswered' : 'unsent', 'timed_out');
    started?.abort(new Error('timed out'));
  }

  private answer(): void {
    if (this.status === 0) return this.fail('unanswered', 'no_status');
    const body = (this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks)).toString('utf8');
    this.finish({ kind: 'answered', status: this.status, headers: this.headers, body, durationMs: this.elapsed() });
  }

  private finish(result: SendResult): void {
    if (this.over) return;
    this.over = true;
    clearTimeout(this.timer);
    this.done(result);
  }

  private elapsed(): number {
    return Math.round(performance.now() - this.start);
  }
}

/** Dials an address under the original name (SNI and certificate are the name's), and makes sure that it is what it is connected to. */
function dialVetted(dial: buildConnector.connector, options: buildConnector.Options, address: string): Promise<Socket> {
  return new Promise((connected, failed) => {
    dial({ ...options, hostname: address }, (...[error, socket]: Parameters<buildConnector.Callback>) => {
      if (error || !socket) return failed(error ?? new Error('no connection'));
      if (!sameAddress(socket.remoteAddress ?? '', address)) {
        socket.destroy();
        return failed(new Refusal('address_changed'));
      }
      connected(socket);
    });
  });
}

async function systemLookup(host: string): Promise<readonly string[]> {
  return (await resolve(host, { all: true, verbatim: true })).map((entry) => entry.address);
}

function withDeadline<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(Object.assign(new Error('look-up timed out'), { code: 'dns_timed_out' })), timeoutMs);
    work.then(done, failed).finally(() => clearTimeout(timer));
  });
}

/** Names and values in turn, as the client takes them fastest; or what is wrong with them. */
function headersOf(headers: Readonly<Record<string, string>>): string[] | 'header_reserved' | 'header_malformed' {
  const list = ['accept-encoding', 'identity'];
  for (const name of Object.keys(headers)) {
    let kind = kindsOfNames.get(name);
    if (!kind) {
      kind = kindOfName(name);
      if (kindsOfNames.size >= NAMES_MAX) kindsOfNames.clear();
      kindsOfNames.set(name, kind);
    }
    const value = headers[name] ?? '';
    if (kind === 'header_reserved') return kind;
    if (kind === 'header_malformed' || !HEADER_VALUE.test(value)) return 'header_malformed';
    if (kind === 'free') list.push(name, value);
  }
  return list;
}

/** The verdict on each name that was sent: a receiver gets the same ones thousands of times. */
const kindsOfNames = new Map<string, ReturnType<typeof kindOfName>>();
const NAMES_MAX = 10_000;

function kindOfName(name: string): 'header_reserved' | 'header_malformed' | 'ours' | 'free' {
  const lower = name.toLowerCase();
  if (FRAMING.has(lower)) return 'header_reserved';
  if (!HEADER_NAME.test(name)) return 'header_malformed';
  return lower === 'accept-encoding' ? 'ours' : 'free';
}

/** A stable word for a failure, without addresses or texts of ours: what a tenant reads must not map our network. */
const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection_refused', ECONNRESET: 'connection_reset', EPIPE: 'connection_reset', UND_ERR_SOCKET: 'connection_closed',
  ETIMEDOUT: 'connect_timed_out', UND_ERR_CONNECT_TIMEOUT: 'connect_timed_out', UND_ERR_HEADERS_TIMEOUT: 'timed_out', UND_ERR_BODY_TIMEOUT: 'timed_out',
  ENOTFOUND: 'dns_not_found', EAI_AGAIN: 'dns_failed', ENODATA: 'dns_not_found', dns_timed_out: 'dns_timed_out', UND_ERR_HEADERS_OVERFLOW: 'answer_malformed',
  HPE_HEADER_OVERFLOW: 'answer_malformed', EHOSTUNREACH: 'unreachable', ENETUNREACH: 'unreachable', UND_ERR_DESTROYED: 'shut_down', UND_ERR_CLOSED: 'shut_down',
};

function codeOf(error: Error): string {
  const code = String((error as { code?: unknown }).code ?? '');
  if (CODES[code]) return CODES[code];
  if (code.startsWith('HPE_')) return 'answer_malformed';
  return /CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code) ? 'tls_failed' : 'connection_failed';
}
