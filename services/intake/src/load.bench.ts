import { Worker } from 'node:worker_threads';

/**
 * A load generator that costs little beside what it measures: raw sockets, requests written as they were prepared, answers only counted.
 * It runs in a thread of its own, so that the server keeps its event loop to itself.
 */
const GENERATOR = `
const { parentPort, workerData } = require('node:worker_threads');
const net = require('node:net');
const { port, connections, head, bodies, from, seconds } = workerData;
let next = from, done = 0, refused = 0, open = true;
const began = performance.now();
for (let i = 0; i < connections; i++) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true }, send);
  let partial = '';
  socket.on('error', () => { refused++; });
  socket.on('data', (chunk) => {
    const text = partial + chunk.latin1Slice();
    const at = text.indexOf('\\r\\n\\r\\n');
    if (at === -1) { partial = text; return; }
    const length = Number(/content-length: (\\d+)/i.exec(text)[1]);
    if (text.length < at + 4 + length) { partial = text; return; }
    partial = '';
    if (text.startsWith('HTTP/1.1 2')) done++; else refused++;
    send();
  });
  function send() {
    if (!open || next >= bodies.length) { socket.end(); return; }
    const body = bodies[next++];
    socket.write(head + body.length + '\\r\\n\\r\\n' + body, 'latin1');
  }
}
const timer = setInterval(() => {
  if (performance.now() - began < seconds * 1000 && next < bodies.length) return;
  open = false;
  clearInterval(timer);
  parentPort.postMessage({ done, refused, next, seconds: (performance.now() - began) / 1000 });
  setTimeout(() => process.exit(), 200);
}, 5);
`;

/** One request whose body is written as fast as it is taken, 200 lines at a time. */
const STREAM = `
const { parentPort, workerData } = require('node:worker_threads');
const http = require('node:http');
const { port, path, headers, bodies } = workerData;
const chunks = [];
for (let at = 0; at < bodies.length; at += 200) chunks.push(Buffer.from(bodies.slice(at, at + 200).join('\\n') + '\\n'));
const began = performance.now();
const request = http.request({ port, host: '127.0.0.1', method: 'POST', path, headers }, (answer) => {
  let accepted = 0, rest = '';
  answer.setEncoding('latin1');
  answer.on('data', (text) => {
    const lines = (rest + text).split('\\n');
    rest = lines.pop();
    for (const line of lines) if (line.includes('"status":"accepted"')) accepted++;
  });
  answer.on('end', () => parentPort.postMessage({ accepted, seconds: (performance.now() - began) / 1000 }));
});
const write = () => {
  while (chunks.length > 0) if (!request.write(chunks.shift())) return request.once('drain', write);
  request.end();
};
write();
`;

export interface Load {
  readonly port: number;
  readonly path: string;
  readonly key: string;
  readonly connections: number;
  readonly bodies: readonly string[];
  /** The first body to send; each is sent once. */
  readonly from: number;
  readonly seconds: number;
}

/** Posts JSON bodies as fast as they are answered: answers 2xx a second, others, and the next body that was not sent. */
export async function postLoad(load: Load): Promise<{ rate: number; refused: number; next: number }> {
  const { path, key, ...rest } = load;
  const head = `POST ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\ncontent-length: `;
  const worker = new Worker(GENERATOR, { eval: true, workerData: { ...rest, head } });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', ({ done, refused, next, seconds }: { done: number; refused: number; next: number; seconds: number }) => {
      worker.once('exit', () => resolve({ rate: done / seconds, refused, next }));
    });
  });
}

/** Posts one stream of NDJSON: how many lines were accepted, and how long it took from the first byte to the last answer. */
export async function postStream(
  stream: { readonly port: number; readonly path: string; readonly headers: Record<string, string>; readonly bodies: readonly string[] },
): Promise<{ accepted: number; seconds: number }> {
  const worker = new Worker(STREAM, { eval: true, workerData: stream });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', resolve);
  });
}
