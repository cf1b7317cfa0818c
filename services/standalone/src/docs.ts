import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { request } from 'undici';
import { z } from 'zod';

const PATH = '/docs/openapi.json';

/**
 * OpenAPI 3.1 of every route that can be called here: the page at /docs, the document at /docs/openapi.json. `others` are the addresses of
 * services whose public routes this process forwards; they are asked for theirs until they have answered.
 */
export function serveDocs(app: NestFastifyApplication, others: readonly string[] = []): { stop(): void } {
  const description = new DocumentBuilder()
    .setTitle('Sluice')
    .setDescription('Lead distribution: leads in, decisions, deliveries, and the reasons. Every refusal is problem+json (RFC 9457).')
    .setVersion('1')
    .setOpenAPIVersion('3.1.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An admin key, or the key of a source.' })
    .addSecurityRequirements('bearer')
    .build();
  const document = SwaggerModule.createDocument(app, description, {
    // The default speaks OpenAPI 3.0; 3.1 is JSON Schema 2020-12 itself.
    standardSchemaConverter: ((schema: unknown, options?: { io?: 'input' | 'output' }) =>
      z.toJSONSchema(schema as z.ZodType, { target: 'draft-2020-12', io: options?.io ?? 'input', unrepresentable: 'any' })) as never,
  });
  for (const path of Object.keys(document.paths)) if (path.startsWith('/internal/')) delete document.paths[path];
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'docs/openapi.json', customSiteTitle: 'Sluice API' });
  return gather(document, others);
}

function gather(document: OpenAPIObject, others: readonly string[]): { stop(): void } {
  let missing = [...others];
  let timer: NodeJS.Timeout | undefined;
  const ask = async () => {
    const answers = await Promise.all(missing.map(async (address) => ({ address, theirs: await documentOf(address) })));
    for (const { theirs } of answers) {
      if (!theirs) continue;
      document.paths = { ...theirs.paths, ...document.paths };
      document.components = { ...document.components, schemas: { ...theirs.components?.schemas, ...document.components?.schemas } };
    }
    missing = answers.filter(({ theirs }) => !theirs).map(({ address }) => address);
    if (missing.length > 0) timer = setTimeout(ask, 1_000);
  };
  if (missing.length > 0) timer = setTimeout(ask, 0);
  return { stop: () => clearTimeout(timer) };
}

async function documentOf(address: string): Promise<OpenAPIObject | undefined> {
  try {
    const { statusCode, body } = await request(`${address}${PATH}`, { headersTimeout: 5_000 });
    if (statusCode === 200) return (await body.json()) as OpenAPIObject;
    await body.dump();
  } catch {
    // Not up yet: it is asked again.
  }
  return undefined;
}
