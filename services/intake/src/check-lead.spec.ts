import { describe, expect, it } from '@jest/globals';
import { compileCampaign } from './check-lead.js';
import type { NewLead } from './new-lead.js';

const NOW = Date.UTC(2026, 10, 24, 12);
const solar = {
  workflow: 'w', deadline: 'P7D',
  fields: {
    state: { type: 'enum', values: ['New York', 'New Jersey'], required: true },
    age: { type: 'integer', min: 18, max: 120 },
    bill: { type: 'number', min: 0 },
    owner: { type: 'boolean' },
    zip: { type: 'postalCode', required: true },
    email: { type: 'email', personal: true },
    phone: { type: 'phone' },
    birthDate: { type: 'date', personal: true },
    name: { type: 'string', personal: true, minLength: 2, maxLength: 20 },
    product: { type: 'string', pattern: '^[a-z]+$' },
  },
};
const campaign = (over: object = {}) => compileCampaign('solar', { ...solar, ...over }, { country: 'US', timezone: 'America/New_York' });
const good = { state: 'new york', zip: '10001', email: 'Ann@Example.com', phone: '(202) 555-0123', birthDate: '1980-11-25', name: ' Ann Lee ', age: '46' };
const check = (fields: Record<string, unknown>, over: object = {}, lead: Partial<NewLead> = {}) =>
  campaign(over).check({ fields, ...lead }, NOW);

describe('a lead against its campaign', () => {
  it('is parted into what routing may see and what the vault keeps', () => {
    expect(check(good).lead).toEqual({
      attributes: { state: 'New York', age: 46, zip: '10001', 'zip.state': 'NY', 'zip.prefix': '100', 'birthDate.age': 45, 'birthDate.ageBand': '45-54' },
      personal: { email: 'Ann@example.com', phone: '+12025550123', birthDate: '1980-11-25', name: 'Ann Lee' },
      place: { lat: expect.closeTo(40.75, 1), lon: expect.closeTo(-73.99, 1) }, country: 'US', list: undefined,
      phone: '+12025550123', mailbox: 'ann@example.com',
    });
  });

  it('is told every fault at once, where it is and how to mend it', () => {
    const { faults } = check({ state: 'New Yrk', age: 'ten', bill: -1, owner: 'perhaps', zip: 1, email: 'x', phone: '12', birthDate: '1980-02-30', name: 'A',
      product: 'A1', emial: 'x' });
    expect(faults?.map(({ pointer, code }) => `${pointer} ${code}`)).toEqual(['/fields/state enum', '/fields/age type', '/fields/bill min', '/fields/owner type',
      '/fields/zip postal_code', '/fields/email email', '/fields/phone phone', '/fields/birthDate date', '/fields/name min_length', '/fields/product pattern',
      '/fields/emial unknown_field']);
    expect(faults?.[0]?.message).toBe('Expected one of: New York, New Jersey. Did you mean "New York"?');
    expect(faults?.[10]?.message).toBe('The campaign has no such field. Did you mean "email"?');
  });

  it('misses what is required, be it absent, null or empty', () => {
    for (const state of [undefined, null, '']) expect(check({ zip: '10001', state }).faults).toMatchObject([{ pointer: '/fields/state', code: 'required' }]);
  });

  it.each([['email', { $ne: null }], ['email', ['a']], ['zip', true], ['age', [1]], ['age', 1.5], ['age', 2 ** 53], ['name', 7], ['state', {}]])(
    'refuses a value of another kind: %s %j', (name, value) => {
      expect(check({ ...good, [name]: value }).faults).toMatchObject([{ pointer: `/fields/${name}` }]);
    });

  it('reaches no prototype through its names', () => {
    expect(check({ ...good, ...JSON.parse('{"__proto__":{"x":1},"constructor":1}') }).faults?.map(({ code }) => code)).toEqual(['unknown_field', 'unknown_field']);
    expect(check({ ...good, ...JSON.parse('{"__proto__":{"x":1}}') }, { unknownFields: 'keep' }).lead?.personal).not.toHaveProperty('x');
    expect(() => compileCampaign('c', { fields: JSON.parse('{"constructor":{"type":"string"}}') }, { country: 'US', timezone: 'UTC' })).toThrow();
  });

  it('keeps unknown fields where nobody but the vault sees them, or drops them', () => {
    expect(check({ ...good, hobby: 'chess' }, { unknownFields: 'keep' }).lead).toMatchObject({
      personal: { hobby: 'chess' }, attributes: expect.not.objectContaining({ hobby: 'chess' }) });
    expect(JSON.stringify(check({ ...good, hobby: 'chess' }, { unknownFields: 'drop' }).lead)).not.toContain('chess');
  });

  it('is placed by its coordinates before its postal code, and never to the door', () => {
    expect(check(good, {}, { lat: 40.123456, lon: -74.987654 }).lead?.place).toEqual({ lat: 40.12, lon: -74.99 });
    const personal = { fields: { ...solar.fields, zip: { type: 'postalCode', personal: true } } };
    const { lead } = check(good, personal);
    expect(lead?.attributes).not.toHaveProperty('zip');
    expect(lead?.attributes).toMatchObject({ 'zip.state': 'NY', 'zip.prefix': '100' });
    expect(lead?.place).toEqual({ lat: 40.8, lon: -74 });
  });

  it('is a year older from the birthday on, on the day of the tenant', () => {
    const age = (birthDate: string, now: number) => campaign().check({ fields: { ...good, birthDate } }, now).lead?.attributes['birthDate.age'];
    expect(age('1980-11-24', NOW)).toBe(46);
    expect(age('1980-11-24', Date.UTC(2026, 10, 24, 4))).toBe(45);
    expect(age('2090-01-01', NOW)).toBeUndefined();
  });

  it('is checked in linear time, whatever the pattern', () => {
    const slow = compileCampaign('c', { fields: { a: { type: 'string', pattern: '^(a+)+$' } } }, { country: 'US', timezone: 'UTC' });
    const begun = performance.now();
    expect(slow.check({ fields: { a: `${'a'.repeat(4000)}!` } }, NOW).faults).toHaveLength(1);
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});
