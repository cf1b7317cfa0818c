import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { intakePaths, intakeSchemas } from '@sluice/intake';
import { request } from 'undici';
import { z } from 'zod';

interface Offered {
  /** Leads come in here. */
  readonly intake: boolean;
  /** Addresses of the services that are forwarded to. */
  readonly others: readonly string[];
}

const PATH = '/docs/openapi.json';

/**
 * OpenAPI 3.1 of every route that can be called here: the page at /docs, the document at /docs/openapi.json. Services whose public
 * routes this process forwards are asked for theirs until they have answered.
 */
export function serveDocs(app: NestFastifyApplication, offered: Offered): { stop(): void } {
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
  // The ways in for leads stand outside of Nest's pipeline, so that nothing but intake itself can describe them.
  if (offered.intake) add(document, { paths: intakePaths, schemas: intakeSchemas } as never);
  for (const path of Object.keys(document.paths)) if (path.startsWith('/internal/')) delete document.paths[path];
  SwaggerModule.setup('docs', app, document, { jsonDocumentUrl: 'docs/openapi.json', customSiteTitle: 'Sluice API' });
  return gather(document, offered.others);
}

/** Paths may have some methods here and others there: `GET /v1/leads` is the gateway's, `POST /v1/leads` intake's. */
function add(document: OpenAPIObject, more: Pick<OpenAPIObject, 'paths'> & { schemas: NonNullable<OpenAPIObject['components']>['schemas'] }): void {
  for (const [path, methods] of Object.entries(more.paths)) document.paths[path] = { ...methods, ...document.paths[path] };
  document.components = { ...document.components, schemas: { ...more.schemas, ...document.components?.schemas } };
}

function gather(document: OpenAPIObject, others: readonly string[]): { stop(): void } {
  let missing = [...others];
  let timer: NodeJS.Timeout | undefined;
  const ask = async () => {
    const answers = await Promise.all(missing.map(async (address) => ({ address, theirs: await documentOf(address) })));
    for (const { theirs } of answers) {
      if (!theirs) continue;
      add(document, { paths: theirs.paths, schemas: theirs.components?.schemas ?? {} });
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
