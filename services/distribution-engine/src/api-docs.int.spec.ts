import 'reflect-metadata';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { z } from 'zod';
import { openApi, type Api } from './api.suite.js';
import { openRig, type Rig } from './rig.suite.js';

let rig: Rig;
let api: Api;
beforeAll(async () => {
  rig = await openRig();
  api = await openApi(rig.url);
});
afterAll(async () => {
  await api?.close();
  await rig?.close();
});

interface Shown {
  summary?: string;
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: { properties?: object } }> };
}

it('the API\'s document shows every path with a summary, its filters and its body', () => {
  const description = new DocumentBuilder().setOpenAPIVersion('3.1.0').build();
  const document: OpenAPIObject = SwaggerModule.createDocument(api.app, description, {
    standardSchemaConverter: ((schema: unknown, options?: { io?: 'input' | 'output' }) =>
      z.toJSONSchema(schema as z.ZodType, { target: 'draft-2020-12', io: options?.io ?? 'input', unrepresentable: 'any' })) as never,
  });
  const shown = Object.entries(document.paths).filter(([path]) => path.startsWith('/v1/')).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, Shown>).map(([method, { summary, parameters = [], requestBody }]) => {
      expect([path, summary]).toEqual([path, expect.stringMatching(/^.{10}/)]);
      const filters = parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name);
      const body = requestBody ? Object.keys(requestBody.content['application/json']!.schema.properties ?? {}) : [];
      return [`${method} ${path}`, [...filters, ...body].sort().join()];
    }));
  expect(Object.fromEntries(shown)).toMatchObject({
    'get /v1/attempts': 'actor,by,campaign,client,contract,cursor,format,from,lead,limit,order,outcome,reason,to,trigger,workflow',
    'get /v1/attempts/{id}': 'counterfactuals',
    'get /v1/leads/{id}/attempts': 'cursor,limit',
    'get /v1/leads/{id}/explanation': 'attempt,contract',
    'post /v1/leads/{id}/preview': 'all,contracts,overrides,rules,trigger',
    'get /v1/pool': 'attributes.NAME,campaign,client,contract,cursor,format,from,limit,sold,to',
    'get /v1/history': 'campaign,from,to',
    'get /v1/caps': 'campaign,client,contract,cursor,limit',
  });
});
