import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { z } from 'zod';

/** OpenAPI 3.1 of every route that the process serves: the page at /docs, the document at /docs/openapi.json. */
export function serveDocs(app: NestFastifyApplication): OpenAPIObject {
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
  return document;
}
