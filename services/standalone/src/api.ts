import { Agent, request, type Dispatcher } from 'undici';

/** A refusal of the API, as problem+json says it. */
export class ApiRefusal extends Error {
  override readonly name = 'ApiRefusal';

  constructor(
    readonly status: number,
    readonly problem: { code?: string; detail?: string; errors?: { pointer: string; message: string }[] },
  ) {
    super([`${problem.code ?? status}: ${problem.detail ?? 'the request was refused'}`, ...(problem.errors ?? []).map((fault) => `  ${fault.pointer || '/'}: ${fault.message}`)].join('\n'));
  }

  /** What was sent is not sound, a document above all. */
  get isOfTheRequest(): boolean {
    return this.status === 422 || this.problem.code === 'unreadable_document';
  }
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Of an address where nobody listens. */
const SILENT: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN']);

/** The public API as the command line uses it: an address and a key. */
export class Api {
  // A platform under load may take its time; the command line waits as long as a person would.
  private readonly agent = new Agent({ headersTimeout: 120_000, bodyTimeout: 0, connections: 8 });

  constructor(readonly url: string, private readonly key: string) {}

  /** Throws ApiRefusal where the API says no, and an error that names the address where nobody says anything. */
  async call<T>(method: Dispatcher.HttpMethod, path: string, options: CallOptions = {}): Promise<T> {
    const text = typeof options.body === 'string';
    const response = await this.ask(path, {
      method,
      dispatcher: this.agent,
      headers: {
        authorization: `Bearer ${this.key}`,
        ...(options.body === undefined ? {} : { 'content-type': text ? 'application/yaml' : 'application/json' }),
        ...options.headers,
      },
      body: options.body === undefined ? undefined : text ? (options.body as string) : JSON.stringify(options.body),
    });
    const body = await response.body.text();
    const json = /[/+]json/.test(String(response.headers['content-type'] ?? ''));
    if (response.statusCode >= 400) throw new ApiRefusal(response.statusCode, json ? JSON.parse(body) : { detail: body.slice(0, 500) });
    return (json ? JSON.parse(body) : body) as T;
  }

  /** A request whose body and answer are streams. */
  stream(path: string, body: Dispatcher.RequestOptions['body'], headers: Readonly<Record<string, string>>): Promise<Dispatcher.ResponseData> {
    return this.ask(path, {
      method: 'POST', dispatcher: this.agent, headers: { authorization: `Bearer ${this.key}`, ...headers }, body, headersTimeout: 0, bodyTimeout: 0,
    });
  }

  /** An answer that is read as it comes, however long it is. */
  async download(path: string): Promise<Dispatcher.ResponseData['body']> {
    const response = await this.ask(path, {
      method: 'GET', dispatcher: this.agent, headers: { authorization: `Bearer ${this.key}` }, headersTimeout: 0, bodyTimeout: 0,
    });
    if (response.statusCode < 400) return response.body;
    const text = await response.body.text();
    throw new ApiRefusal(response.statusCode, text.startsWith('{') ? JSON.parse(text) : { detail: text.slice(0, 500) });
  }

  private async ask(
    path: string, options: Omit<Dispatcher.RequestOptions<null>, 'origin' | 'path'> & { readonly dispatcher: Agent },
  ): Promise<Dispatcher.ResponseData> {
    try {
      return await request(`${this.url}${path}`, options);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === undefined || !SILENT.has(code)) throw error;
      throw Object.assign(new Error(`Nothing answers at ${this.url} (${message}). Start it, or name another address with --url.`), { code });
    }
  }

  async close(): Promise<void> {
    await this.agent.destroy();
  }
}
