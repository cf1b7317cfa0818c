/** Schemas as the API's description holds them. */
import { z } from 'zod';

type Node = Readonly<Record<string, unknown>>;

/**
 * JSON Schema of a part without references to definitions beside it: a description of many routes has no place for them. Where a part
 * holds itself (criteria), it is described in words from the second time on.
 */
export function inlineSchema(schema: z.ZodType): Record<string, unknown> {
  const { $defs, ...root } = z.toJSONSchema(schema, { target: 'draft-2020-12', io: 'input' }) as Record<string, unknown>;
  delete root['$schema'];
  const definitions = ($defs ?? {}) as Readonly<Record<string, Node>>;
  return inline(root, definitions, []) as Record<string, unknown>;
}

function inline(node: unknown, definitions: Readonly<Record<string, Node>>, open: readonly string[]): unknown {
  if (Array.isArray(node)) return node.map((item) => inline(item, definitions, open));
  if (typeof node !== 'object' || node === null) return node;
  const { $ref, ...rest } = node as Node & { readonly $ref?: string };
  // The keyword is text; a property that is named id is a mapping.
  if (typeof rest['id'] === 'string') delete (rest as Record<string, unknown>)['id'];
  if (typeof $ref !== 'string') return Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, inline(value, definitions, open)]));
  const name = $ref.slice($ref.lastIndexOf('/') + 1);
  const definition = definitions[name];
  if (!definition || open.includes(name)) return { description: `${name}, as above.` };
  return inline({ ...definition, ...rest }, definitions, [...open, name]);
}
