import { describe, expect, it } from '@jest/globals';
import { parseDeliveryMethod } from './delivery-method.js';
import { blank, excerptOf } from './excerpt.js';
import { prepareBody, type LeadToSend } from './prepare.js';

const templateOf = (over: object) => {
  const parsed = parseDeliveryMethod({ type: 'webhook', url: 'https://example.com/', ...over });
  if (parsed.kind !== 'ok') throw new Error(parsed.fault);
  return parsed.method.template;
};
const lead: LeadToSend = {
  id: 'msg_o1', leadId: 'l1', outboundLeadId: 'o1', campaign: 'solar', contract: 'c1', client: 'acme', source: 'web', price: '25.00', currency: 'USD',
  receivedAt: '2026-01-01T00:00:00.000Z', reservedAt: '2026-01-01T00:00:01.000Z',
  fields: { email: 'ann@example.com', name: 'Ann <&"\'> O\'Neil', 'zip.state': 'NY', age: 40, homeowner: true, tags: ['a', 'b'], address: { city: 'Troy' } },
};
const bodyOf = (over: object) => {
  const prepared = prepareBody(templateOf(over), lead);
  return prepared.kind === 'ok' ? prepared.body : prepared.reason;
};

describe('the bytes of a delivery', () => {
  it('are all fields in an envelope where the method maps nothing', () => {
    expect(JSON.parse(bodyOf({}))).toEqual({
      type: 'lead.delivered', timestamp: lead.reservedAt,
      data: { leadId: 'l1', outboundLeadId: 'o1', campaign: 'solar', contract: 'c1', client: 'acme', source: 'web', price: '25.00', currency: 'USD', receivedAt: lead.receivedAt, fields: lead.fields },
    });
  });

  it('are the same each time they are made', () => {
    for (const over of [{}, { fields: { a: '$.email', b: { c: '$.zip.state' } } }, { format: 'xml' }, { body: '"{{ fields.name }}"' }]) expect(bodyOf(over)).toBe(bodyOf(over));
  });

  it('map names to fields, to the envelope, to constants, nested as wanted', () => {
    const fields = {
      mail: '$.email', also: '$.fields.email', state: '$.zip.state', city: '$.address.city', second: '$.tags[1]', price: '$.price', n: 7, flag: false, text: 'plain',
      dollar: { const: '$.email' }, inner: { who: '$.name', deep: { age: '$.age' } }, missing: '$.nothing', climbing: '$.address.toString',
    };
    expect(JSON.parse(bodyOf({ fields }))).toEqual({
      mail: 'ann@example.com', also: 'ann@example.com', state: 'NY', city: 'Troy', second: 'b', price: '25.00', n: 7, flag: false, text: 'plain', dollar: '$.email',
      inner: { who: lead.fields['name'], deep: { age: 40 } },
    });
  });

  it('escape for XML what is not markup', () => {
    expect(bodyOf({ format: 'xml', fields: { name: '$.name', 'odd name': 1, list: '$.tags', none: '$.nothing' } }))
      .toBe('<?xml version="1.0" encoding="UTF-8"?>\n<lead><name>Ann &lt;&amp;&quot;\'&gt; O\'Neil</name><_odd_name>1</_odd_name><list>a</list><list>b</list><none/></lead>');
  });

  it('escape for forms', () => {
    expect(Object.fromEntries(new URLSearchParams(bodyOf({ format: 'form', fields: { name: '$.name', tags: '$.tags', none: '$.nothing' } })))).toEqual({ name: lead.fields['name'], tags: '["a","b"]' });
  });

  it('come from a template where there is one', () => {
    expect(JSON.parse(bodyOf({ body: '{"n": {{ fields.name | json }}, "s": "{{ fields["zip.state"] }}"{% if fields.age > 30 %}, "old": true{% endif %}}' })))
      .toEqual({ n: lead.fields['name'], s: 'NY', old: true });
    expect(bodyOf({ format: 'xml', body: '<a>{{ fields.name | xml_escape }}</a>' })).toBe('<a>Ann &lt;&amp;&quot;\'&gt; O\'Neil</a>');
  });

  it.each([
    ['an unknown filter', '{{ fields.email | nonsense }}'], ['a broken tag', '{% if %}'], ['what is no JSON', '{{ fields.email }}'], ['a loop without end', '{% for a in (1..100000) %}{% for b in (1..100000) %}x{% endfor %}{% endfor %}'],
    ['a file', '"{% include "/etc/passwd" %}"x'],
  ])('are none where the template has %s', (_, body) => {
    const start = performance.now();
    expect(bodyOf({ body })).toBe('template_failed');
    expect(performance.now() - start).toBeLessThan(3_000);
  });

  it.each(['{{ fields.constructor }}', '{{ fields.__proto__ }}', '{{ constructor }}', '{{ fields.email.constructor }}'])('show nothing of the platform to %s', (body) => {
    expect(bodyOf({ format: 'text', body })).toBe('');
  });
});

describe('what is kept of an answer', () => {
  it('is short, and without the lead\'s own values in any spelling', () => {
    const text = 'ANN@EXAMPLE.COM ann%40example.com +1 202-555-0142 2025550142 5550142 Ann & "Ann \\"A\\"" ok';
    expect(blank(text, ['ann@example.com', '+12025550142', 'Ann "A"', 'ok'])).toBe('*** *** +*** *** *** Ann & "***" ok');
    expect(excerptOf('x'.repeat(5_000), []).length).toBe(500);
  });

  it('holds nothing that the database does not take', () => {
    expect(blank('a\u0000b', [])).toBe('ab');
  });

  it('takes values literally, not as patterns', () => {
    expect(blank('a.c abc (x', ['a.c', '(x*'])).toBe('*** abc (x');
  });
});
