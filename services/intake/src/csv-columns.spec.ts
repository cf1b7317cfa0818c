import { describe, expect, it } from '@jest/globals';
import { readHeader, type ReadRow } from './csv-columns.js';

const row = (header: string[], cells: string[]) => (readHeader(header) as ReadRow)(cells);

describe('the columns of a CSV', () => {
  it('are fields of the campaign, but for those of the envelope', () => {
    expect(row(['state', 'campaign', 'lat', 'lon', '$list', '$consent', 'fields.lat', 'country'], ['NY', 'solar', '40.7', '-74', 'east', 'a; b', '1', 'US']))
      .toEqual({ body: { campaign: 'solar', lat: 40.7, lon: -74, list: 'east', consent: ['a', 'b'], fields: { state: 'NY', lat: '1', country: 'US' } } });
  });

  it('leave out what is empty', () => {
    expect(row(['state', 'lat'], ['', ''])).toEqual({ body: { fields: {} } });
  });

  it('must fit their header', () => {
    expect(row(['a', 'b'], ['1'])).toMatchObject({ fault: { code: 'columns' } });
    expect(readHeader(['a', ' '])).toEqual({ fault: 'Column 2 has no name.' });
    expect(readHeader(['a', 'b', 'a'])).toEqual({ fault: 'Column "a" stands twice.' });
    expect(readHeader(['$tenant'])).toMatchObject({ fault: expect.stringContaining('There is no "$tenant"') });
  });
});
