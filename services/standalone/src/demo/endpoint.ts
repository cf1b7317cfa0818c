import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { SystemClock } from '@sluice/runtime';

const clock = new SystemClock();

/** How a built-in client behaves. What it answers depends on the webhook id alone, so that a repeated delivery is answered the same. */
export type Behaviour = 'accepts' | 'rejects' | 'slow' | 'fails';

export const endpointPath = '/demo/clients';

/** What the endpoint got, by client. It is the outside view: distinct webhook ids, never the platform's own count. */
export class DemoReceipts {
  readonly byClient = new Map<string, Set<string>>();

  add(client: string, webhookId: string): void {
    const ids = this.byClient.get(client) ?? new Set();
    // Bounded: the demo runs for days.
    if (ids.size > 100_000) ids.clear();
    this.byClient.set(client, ids.add(webhookId));
  }
}

/** Mounts the clients of the demo beside the API: `POST /demo/clients/<behaviour>/<client>`. */
export function mountDemoClients(server: FastifyInstance, receipts: DemoReceipts): void {
  server.post<{ Params: { behaviour: string; client: string } }>(`${endpointPath}/:behaviour/:client`, async (request, reply) => {
    const id = String(request.headers['webhook-id'] ?? '');
    const { behaviour, client } = request.params;
    const draw = createHash('sha256').update(id).digest().readUInt16BE() / 65_536;
    if (behaviour === 'slow') await new Promise((resolve) => setTimeout(resolve, 400 + draw * 1_600));
    // Fails now and then, by the clock of the moment: the same delivery gets through at a later attempt.
    if (behaviour === 'fails' && Math.floor(clock.now() / 4_000) % 3 === 0) return reply.status(503).send({ result: 'unavailable' });
    receipts.add(client, id);
    if (behaviour === 'rejects' && draw < 0.3) return reply.status(409).send({ result: 'rejected', reason: draw < 0.15 ? 'duplicate' : 'out_of_area' });
    return reply.send({ result: 'accepted', reference: id.slice(-8) });
  });
}
