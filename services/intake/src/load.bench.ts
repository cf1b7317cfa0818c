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
