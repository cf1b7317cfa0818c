/** Which service answers which public path, where services are processes of their own. What is not here the gateway answers itself. */

export type Forwarded = 'intake' | 'workflow' | 'engine' | 'delivery';

export interface Route {
  readonly service: Forwarded;
  readonly methods: readonly ('GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE')[];
  /** As Fastify writes it: `*` stands for what follows, and `::` for a colon. */
  readonly url: string;
}

const all = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;
const under = (service: Forwarded, ...paths: string[]): Route[] =>
  paths.flatMap((path) => [{ service, methods: all, url: path }, { service, methods: all, url: `${path}/*` }]);

export const routes: readonly Route[] = [
  { service: 'intake', methods: ['POST'], url: '/v1/leads' },
  { service: 'intake', methods: ['POST'], url: '/v1/leads::batch' },
  ...under('intake', '/v1/sources', '/v1/rejections'),
  ...under('workflow', '/v1/configuration', '/v1/clients', '/v1/contracts', '/v1/campaigns', '/v1/workflows', '/v1/delivery-methods', '/v1/lists', '/v1/orders',
    '/v1/push-strategies', '/v1/scripts', '/v1/distribution-requests', '/v1/returns'),
  // What is done with windows may be written as a step of the path or with a colon.
  { service: 'workflow', methods: all, url: '/v1/windows*' },
  { service: 'workflow', methods: all, url: '/v1/leads/:id/window*' },
  { service: 'workflow', methods: ['POST'], url: '/v1/leads/:id/distributions' },
  { service: 'workflow', methods: ['POST'], url: '/v1/leads/:id/cherry-picks' },
  { service: 'workflow', methods: ['POST'], url: '/v1/outbound-leads/:id/return' },
  { service: 'workflow', methods: ['POST'], url: '/v1/configuration::diff' },
  { service: 'engine', methods: ['GET'], url: '/v1/leads/:id/attempts' },
  { service: 'engine', methods: ['GET', 'POST'], url: '/v1/leads/:id/preview' },
  { service: 'engine', methods: ['GET', 'POST'], url: '/v1/leads/:id/explanation' },
  ...under('engine', '/v1/attempts', '/v1/caps', '/v1/pool'),
  { service: 'engine', methods: ['GET', 'POST'], url: '/v1/history*' },
  { service: 'engine', methods: ['GET'], url: '/v1/scripts/:id/report' },
  ...under('delivery', '/v1/deliveries', '/v1/dead-letters'),
  // Beside workflow's own paths under the same name: what delivery alone knows of a method.
  { service: 'delivery', methods: ['POST'], url: '/v1/delivery-methods/:id/secret' },
  { service: 'delivery', methods: ['GET'], url: '/v1/delivery-methods/:id/health' },
];
