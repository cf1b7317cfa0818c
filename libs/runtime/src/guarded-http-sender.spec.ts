import http from 'node:http';
import net from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { certificate, tlsReceiver } from './tls-receiver.suite.js';
import { GuardedHttpSender, type GuardOptions } from './guarded-http-sender.js';

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

describe('the guarded sender', () => {
  let server: http.Server;
  let port: number;
  let handler: Handler = (_, response) => response.end('ok');
  let connections = 0;
  let requests = 0;
  const senders: GuardedHttpSender[] = [];

  const senderWith = (options: GuardOptions = {}) => {
    const sender = new GuardedHttpSender({ allow: ['127.0.0.0/8'], ...options });
    senders.push(sender);
    return sender;
  };
  const request = (url = `http://127.0.0.1:${port}/hook?x=1`, over = {}) => (
    { method: 'POST' as const, url, headers: { 'content-type': 'application/json' }, body: Buffer.from('{"a":1}'), timeoutMs: 2_000, ...over });

  beforeAll(async () => {
    server = http.createServer((incoming, response) => {
      requests++;
      incoming.resume().on('end', () => handler(incoming, response));
    });
    server.on('connection', () => connections++);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    port = (server.address() as net.AddressInfo).port;
  });

  afterEach(async () => {
    await Promise.all(senders.splice(0).map((sender) => sender.close()));
    connections = 0;
    requests = 0;
  });

  afterAll(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('sends the very bytes and answers with what came back', async () => {
    let got = '';
    handler = (incoming, response) => {
      got = `${incoming.method} ${incoming.url} ${incoming.headers.host} ${incoming.headers['content-length']} ${incoming.headers['accept-encoding']}`;
      response.writeHead(201, { 'x-two': ['a', 'b'] }).end('{"result":"accepted"}');
    };
    expect(await senderWith().send(request())).toMatchObject({ kind: 'answered', status: 201, body: '{"result":"accepted"}', headers: { 'x-two': 'a, b' } });
    expect(got).toBe(`POST /hook?x=1 127.0.0.1:${port} 7 identity`);
  });

  it('keeps connections to a destination', async () => {
    handler = (_, response) => response.end('ok');
    const sender = senderWith();
    for (let n = 0; n < 20; n++) await sender.send(request());
    expect(requests).toBe(20);
    // A second one may be opened in the instant in which the first is not yet known to be free.
    expect(connections).toBeLessThanOrEqual(2);
  });

  it.each([301, 302, 303, 307, 308])('follows no %i, which is an answer like any other', async (status) => {
    handler = (_, response) => response.writeHead(status, { location: `http://127.0.0.1:${port}/secret`, refresh: '0; url=/secret' }).end();
    expect(await senderWith().send(request())).toMatchObject({ kind: 'answered', status });
    expect(requests).toBe(1);
  });

  it.each([
    ['127.0.0.1'], ['10.0.0.1'], ['::1'], ['::ffff:127.0.0.1'], ['169.254.169.254'], ['fd00::1'],
  ])('refuses a name that is %s', async (address) => {
    const sender = senderWith({ allow: [], allowHttp: true, ports: [port], lookup: async () => [address] });
    expect(await sender.send(request(`http://hook.example:${port}/`))).toMatchObject({ kind: 'refused' });
    expect(connections).toBe(0);
  });

  it('refuses a name of which one address among many is private', async () => {
    const sender = senderWith({ allow: [], allowHttp: true, ports: [port], lookup: async () => ['93.184.216.34', '2606:4700::1', '127.0.0.1'] });
    expect(await sender.send(request(`http://hook.example:${port}/`))).toMatchObject({ kind: 'refused', reason: 'address_loopback' });
  });

  it('refuses a name with more addresses than any honest one has', async () => {
    const sender = senderWith({ allow: [], lookup: async () => Array.from({ length: 1_000 }, (_, n) => `93.184.${n >> 8}.${n & 255}`) });
    expect(await sender.send(request('https://many.example/'))).toMatchObject({ kind: 'refused', reason: 'too_many_addresses' });
  });

  it('dials the address that it judged, though the next look-up would say another', async () => {
    handler = (incoming, response) => response.end(incoming.headers.host);
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    let asked = 0;
    const sender = senderWith({ lookup: async () => answers[asked++] ?? ['10.0.0.1'] });
    expect(await sender.send(request(`http://rebinding.example:${port}/`))).toMatchObject({ kind: 'answered', body: `rebinding.example:${port}` });
    expect(asked).toBe(1);
    await sender.close();
    expect(await sender.send(request(`http://rebinding.example:${port}/`))).toMatchObject({ kind: 'refused', reason: 'address_private' });
  });

  it('a name that is not there now and private later gets nowhere', async () => {
    let asked = 0;
    const sender = senderWith({ allow: [], lookup: async () => {
      if (asked++ === 0) throw Object.assign(new Error('not found'), { code: 'ENOTFOUND' });
      return ['192.168.1.1'];
    } });
    expect(await sender.send(request('https://late.example/'))).toMatchObject({ kind: 'unsent', reason: 'dns_not_found' });
    expect(await sender.send(request('https://late.example/'))).toMatchObject({ kind: 'refused', reason: 'address_private' });
  });

  it('tries a second address where the first does not answer', async () => {
    handler = (_, response) => response.end('ok');
    const sender = senderWith({ lookup: async () => ['127.9.9.9', '127.0.0.1'], connectTimeoutMs: 500 });
    expect(await sender.send(request(`http://two.example:${port}/`))).toMatchObject({ kind: 'answered', status: 200 });
  });

  it.each(['Host', 'content-length', 'Transfer-Encoding', 'CONNECTION', 'upgrade', 'expect'])('refuses a header of its own: %s', async (name) => {
    expect(await senderWith().send(request(undefined, { headers: { [name]: 'x' } }))).toMatchObject({ kind: 'refused', reason: 'header_reserved' });
    expect(requests).toBe(0);
  });

  it.each([['x-a', 'a\r\nx-b: c'], ['x-a\r\nx-b', 'c'], ['x a', 'c'], ['', 'c'], ['x-a', 'a\u0000'], ['x-a', '日本']])('refuses a header that breaks the request: %j', async (name, value) => {
    expect(await senderWith().send(request(undefined, { headers: { [name]: value } }))).toMatchObject({ kind: 'refused', reason: 'header_malformed' });
  });

  it('a line break in a path never reaches the wire', async () => {
    expect(await senderWith().send(request(`http://127.0.0.1:${port}/a\r\nx-b: c`))).toMatchObject({ kind: 'refused', reason: 'url_characters' });
  });

  it('says unsent where nobody listens, and where no certificate is shown', async () => {
    expect(await senderWith().send(request('http://127.0.0.1:9/'))).toMatchObject({ kind: 'unsent', reason: 'connection_refused' });
    expect(await senderWith().send(request(`https://127.0.0.1:${port}/`))).toMatchObject({ kind: 'unsent' });
    expect(requests).toBe(0);
  });

  it('says unsent where the connection does not come about in time', async () => {
    // An address that swallows what is sent to it: the backlog of a listener that accepts nothing is simulated by a look-up that hangs.
    const sender = senderWith({ lookup: () => new Promise(() => undefined), connectTimeoutMs: 100 });
    expect(await sender.send(request(`http://slow-dns.example:${port}/`))).toMatchObject({ kind: 'unsent', reason: 'dns_timed_out' });
    expect(await sender.send(request(`http://slow-dns.example:${port}/`, { timeoutMs: 30 }))).toMatchObject({ kind: 'unsent', reason: 'timed_out' });
  });

  it.each<[string, Handler]>([
    ['hangs', () => undefined],
    ['cuts the line after it read the request', (_, response) => response.socket!.resetAndDestroy()],
    ['closes without an answer', (_, response) => response.socket!.end()],
    ['cuts its answer short', (_, response) => { response.writeHead(200, { 'content-length': '100' }).write('half'); setTimeout(() => response.socket!.destroy(), 20); }],
    ['trickles a byte at a time', (_, response) => { response.writeHead(200); const timer = setInterval(() => response.write('x'), 50); response.on('close', () => clearInterval(timer)); }],
    ['speaks no HTTP', (_, response) => response.socket!.end('hello\r\n\r\n')],
    ['sends headers without end', (_, response) => response.socket!.end(`HTTP/1.1 200 OK\r\n${'x-h: y\r\n'.repeat(5_000)}\r\n`)],
    ['switches protocols', (_, response) => response.socket!.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n')],
    ['says 100 Continue without end', (_, response) => { for (let n = 0; n < 2_000; n++) response.socket!.write('HTTP/1.1 100 Continue\r\n\r\n'); }],
  ])('says unanswered where the receiver %s', async (_, behaviour) => {
    handler = behaviour;
    const result = await senderWith().send(request(undefined, { timeoutMs: 400 }));
    expect(result.kind).toBe('unanswered');
    expect(result.durationMs).toBeLessThan(1_500);
  });

  it('takes an answer after any number of 1xx', async () => {
    handler = (_, response) => { for (let n = 0; n < 50; n++) response.socket!.write('HTTP/1.1 102 Processing\r\n\r\n'); response.writeHead(200).end('done'); };
    expect(await senderWith().send(request())).toMatchObject({ kind: 'answered', status: 200, body: 'done' });
  });

  it('reads no more than 64 kB of a body without end, and takes the status as the answer', async () => {
    let written = 0;
    handler = (_, response) => {
      response.writeHead(200);
      const block = Buffer.alloc(64 * 1024, 'x');
      const more = () => { while (written < 1_000_000_000 && response.write(block)) written += block.length; };
      response.on('drain', more);
      more();
    };
    const result = await senderWith().send(request());
    expect(result).toMatchObject({ kind: 'answered', status: 200 });
    expect(result.kind === 'answered' && result.body.length).toBe(64 * 1024);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(written).toBeLessThan(20_000_000);
  });

  it('unpacks nothing: a bomb stays folded', async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000));
    handler = (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    const result = await senderWith().send(request());
    expect(result.kind === 'answered' && result.body.length).toBeLessThanOrEqual(bomb.length);
  });

  it('shows and checks the name, though it dials an address', async () => {
    const receiver = await tlsReceiver();
    const options = { lookup: async () => ['127.0.0.1'] };
    const trusting = senderWith({ ...options, tls: { ca: certificate } });
    expect(await trusting.send(request(`https://hook.example:${receiver.port}/`))).toMatchObject({ kind: 'answered', status: 200, body: 'ok' });
    expect(receiver.names).toEqual(['hook.example']);
    expect(await trusting.send(request(`https://other.example:${receiver.port}/`))).toMatchObject({ kind: 'unsent', reason: 'tls_failed' });
    expect(await senderWith(options).send(request(`https://hook.example:${receiver.port}/`))).toMatchObject({ kind: 'unsent', reason: 'tls_failed' });
    receiver.close();
  });

  it('one destination that hangs keeps nobody else waiting', async () => {
    handler = (incoming, response) => { if (incoming.headers.host?.startsWith('hang')) return; response.end('ok'); };
    const sender = senderWith({ lookup: async () => ['127.0.0.1'], connections: 4 });
    const hanging = Array.from({ length: 40 }, () => sender.send(request(`http://hang.example:${port}/`, { timeoutMs: 600 })));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const start = performance.now();
    for (let n = 0; n < 20; n++) expect(await sender.send(request(`http://fine.example:${port}/`))).toMatchObject({ kind: 'answered' });
    expect(performance.now() - start).toBeLessThan(400);
    const kinds = (await Promise.all(hanging)).map((result) => result.kind);
    // Four were on the wire; the others never left the queue, and it is known.
    expect([kinds.filter((kind) => kind === 'unanswered').length, kinds.filter((kind) => kind === 'unsent').length]).toEqual([4, 36]);
  });

  it('a request that timed out in the queue is never sent later', async () => {
    let release: (() => void) | undefined;
    handler = (incoming, response) => { if (incoming.url === '/first') release = () => response.end('ok'); else response.end('ok'); };
    const sender = senderWith({ connections: 1 });
    const first = sender.send(request(`http://127.0.0.1:${port}/first`));
    expect(await sender.send(request(`http://127.0.0.1:${port}/second`, { timeoutMs: 50 }))).toMatchObject({ kind: 'unsent' });
    release!();
    await first;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(requests).toBe(1);
  });
});
