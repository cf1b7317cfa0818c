import { describe, expect, it } from '@jest/globals';
import { inlineSchema } from './api-schema.js';
import { documentSchema, itemSchemas } from './document.js';

describe('the schemas of the API', () => {
  it('refer to nothing outside themselves, and keep properties that are named as keywords are', () => {
    for (const schema of [documentSchema, ...Object.values(itemSchemas)]) {
      const text = JSON.stringify(inlineSchema(schema));
      expect(text).not.toContain('$ref');
      expect(text).not.toContain('$defs');
    }
    const contract = inlineSchema(itemSchemas.contract) as { properties: Record<string, { anyOf?: unknown }>; required: string[] };
    expect(contract.required).toEqual(['id', 'client']);
    expect(Object.keys(contract.properties)).toEqual(Object.keys(itemSchemas.contract.shape));
    expect(contract.properties['criteria']?.anyOf).toHaveLength(4);
  });
});
