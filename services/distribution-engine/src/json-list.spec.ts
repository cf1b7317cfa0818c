import { expect, it } from '@jest/globals';
import { JSON_SEPARATOR, jsonList } from './json-list.js';

it('holds JSON texts apart by what no JSON text contains', () => {
  const values = [{ a: `x${JSON_SEPARATOR}y` }, { b: 'quote " comma , brace }' }, [], 'null'];
  const texts = values.map((value) => JSON.stringify(value));
  expect(jsonList(texts).split(JSON_SEPARATOR).map((text) => JSON.parse(text) as unknown)).toEqual(values);
});
