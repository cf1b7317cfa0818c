/** Schemas of queries and bodies as the API's document shows them. */
import { ApiBody, ApiQuery } from '@nestjs/swagger';
import { z } from 'zod';

/** A decorator for each parameter of a query. */
export function queryDocs(schema: z.ZodObject): MethodDecorator[] {
  return Object.entries(schema.shape).map(([name, part]) => {
    const { description, ...shown } = shownSchema(part as z.ZodType);
    return ApiQuery({ name, required: false, schema: shown, ...(typeof description === 'string' ? { description } : {}) });
  });
}

export function bodyDocs(schema: z.ZodType): MethodDecorator {
  return ApiBody({ schema: shownSchema(schema) });
}

function shownSchema(schema: z.ZodType): Record<string, unknown> {
  const shown = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input', unrepresentable: 'any' }) as Record<string, unknown>;
  delete shown['$schema'];
  return shown;
}
