import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { jsonSchema } from './document.js';

const published = JSON.parse(readFileSync(join(__dirname, '../configuration.schema.json'), 'utf8')) as object;

describe('the published JSON Schema', () => {
  it('is the one that the schemas make; after a change run tools/write-schema.mjs', () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(jsonSchema())));
  });

  it('takes a sound document and refuses an unknown key, a cap that is a word and a nested condition that is none', () => {
    const ajv = new Ajv2020({ strict: false });
    addFormats.default(ajv);
    const validate = ajv.compile(published);
    const document = (contract: object) => ({ apiVersion: 'v1', clients: [{ id: 'a' }], contracts: [{ id: 'A', client: 'a', ...contract }] });
    const nested = (op: string) => ({ criteria: { all: [{ any: [{ field: 'state', op, value: 'NY' }] }] } });
    expect(validate(document({ caps: { day: 5 }, ...nested('equals') }))).toBe(true);
    expect(validate(document({ pirce: 5 }))).toBe(false);
    expect(validate(document({ caps: { day: 'ten' } }))).toBe(false);
    expect(validate(document(nested('equal')))).toBe(false);
  });
});
