import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { routes } from './routes.js';

const folders = { intake: 'intake', workflow: 'workflow', engine: 'distribution-engine', delivery: 'delivery' } as const;

/** The public routes that the controllers of a service declare, as their text says. */
function declared(folder: string): { method: string; url: string }[] {
  const source = path.resolve(__dirname, '../..', folder, 'src');
  return readdirSync(source).filter((file) => file.endsWith('.controller.ts')).flatMap((file) => {
    const text = readFileSync(path.join(source, file), 'utf8');
    const base = /@Controller\((?:'([^']*)')?\)/.exec(text)?.[1] ?? '';
    const own = [...text.matchAll(/@(Get|Post|Put|Patch|Delete)\((?:'([^']*)')?\)/g)]
      .map(([, method, at]) => ({ method: method!.toUpperCase(), url: `/${base}/${at ?? ''}` }));
    const raw = [...text.matchAll(/scope\.(get|post)\('([^']*)'/g)]
      .map(([, method, at]) => ({ method: method!.toUpperCase(), url: at! }));
    return [...own, ...raw];
  }).map(({ method, url }) => ({ method, url: url.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '').replace('::', ':').replace(':id', 'x') }))
    .filter(({ url }) => url.startsWith('/v1/'));
}

describe('the routes that are passed on', () => {
  it.each(Object.entries(folders))('lead to %s with everything that its controllers answer', async (service, folder) => {
    const server = fastify();
    for (const route of routes) server.route({ method: [...route.methods], url: route.url, handler: async () => route.service });
    const paths = declared(folder);
    expect(paths.length).toBeGreaterThanOrEqual(3);
    for (const { method, url } of paths) {
      const answer = await server.inject({ method: method as 'GET', url });
      expect(`${method} ${url} → ${answer.body}`).toBe(`${method} ${url} → ${service}`);
    }
    await server.close();
  });

  it('lead to workflow with documents and their parts, and leave the gateway its own', async () => {
    const server = fastify();
    for (const route of routes) server.route({ method: [...route.methods], url: route.url, handler: async () => route.service });
    const asked = async (method: 'GET' | 'POST' | 'PATCH', url: string) => (await server.inject({ method, url })).body;
    for (const url of ['/v1/configuration', '/v1/configuration/versions/3', '/v1/contracts/A', '/v1/delivery-methods/x']) {
      expect([url, await asked('GET', url)]).toEqual([url, 'workflow']);
    }
    expect(await asked('POST', '/v1/configuration:diff')).toBe('workflow');
    for (const url of ['/v1/leads/x/distributions', '/v1/leads/x/cherry-picks', '/v1/leads/x/window', '/v1/leads/x/window:pause', '/v1/windows/x',
      '/v1/outbound-leads/x/return']) {
      expect([url, await asked('POST', url)]).toEqual([url, 'workflow']);
    }
    for (const url of ['/v1/windows', '/v1/distribution-requests', '/v1/distribution-requests/x', '/v1/returns']) {
      expect([url, await asked('GET', url)]).toEqual([url, 'workflow']);
    }
    for (const url of ['/v1/pool', '/v1/history', '/v1/history:export', '/v1/leads/x/explanation']) {
      expect([url, await asked('GET', url)]).toEqual([url, 'engine']);
    }
    expect(await asked('POST', '/v1/leads/x/preview')).toBe('engine');
    for (const url of ['/v1/leads', '/v1/leads/x', '/v1/funnel', '/v1/tenant']) expect((await server.inject({ method: 'GET', url })).statusCode).toBe(404);
    await server.close();
  });
});
