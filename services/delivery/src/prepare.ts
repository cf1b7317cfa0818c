import { Liquid, type Template as LiquidTemplate } from 'liquidjs';
import type { Mapping, Source, Template } from './delivery-method.js';
import { readPath, type JsonPath } from './json-path.js';

/** What a template may speak of. Texts and numbers only; `fields` are the lead's, personal ones included. */
export interface LeadToSend {
  readonly id: string;
  readonly leadId: string;
  readonly outboundLeadId: string;
  readonly campaign: string;
  readonly contract: string;
  readonly client: string;
  readonly source: string | undefined;
  /** In units with decimals, as people write money. */
  readonly price: string;
  readonly currency: string;
  readonly receivedAt: string | undefined;
  readonly reservedAt: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type Prepared = { readonly kind: 'ok'; readonly body: string; readonly contentType: string } | { readonly kind: 'fault'; readonly reason: string };

const CONTENT_TYPES: Readonly<Record<Template['format'], string>> = {
  json: 'application/json', form: 'application/x-www-form-urlencoded', xml: 'application/xml; charset=utf-8', text: 'text/plain; charset=utf-8',
};
/** A body larger than any lead; a template that makes more has gone wrong. */
const BODY_LENGTH_MAX = 256 * 1024;

// No file system: include, render and layout find nothing. Own properties only, so that a template cannot climb a prototype.
const liquid = new Liquid({
  ownPropertyOnly: true, strictFilters: true, parseLimit: 100_000, renderLimit: 200, memoryLimit: 10_000_000, relativeReference: false,
  fs: {
    readFileSync: () => '', readFile: () => Promise.resolve(''), existsSync: () => false, exists: () => Promise.resolve(false),
    resolve: (_dir: string, file: string) => file, contains: () => Promise.resolve(false), containsSync: () => false,
  },
});
liquid.registerFilter('xml_escape', (value: unknown) => escapeXml(textOf(value)));
const parsedTemplates = new Map<string, LiquidTemplate[]>();

/**
 * Template → the text whose bytes are signed and sent. Pure and free of time, so that each attempt of a delivery makes the same bytes.
 */
export function prepareBody(template: Template, lead: LeadToSend): Prepared {
  try {
    const body = template.body === undefined ? mapped(template, lead) : rendered(template.body, lead);
    if (body.length > BODY_LENGTH_MAX) return { kind: 'fault', reason: 'template_too_long' };
    if (template.format === 'json' && template.body !== undefined) JSON.parse(body);
    return { kind: 'ok', body, contentType: CONTENT_TYPES[template.format] };
  } catch {
    // The message may hold the lead's values.
    return { kind: 'fault', reason: 'template_failed' };
  }
}

function rendered(text: string, lead: LeadToSend): string {
  let template = parsedTemplates.get(text);
  if (!template) {
    template = liquid.parse(text);
    if (parsedTemplates.size >= 1_000) parsedTemplates.clear();
    parsedTemplates.set(text, template);
  }
  return String(liquid.renderSync(template, { ...lead }));
}

function mapped(template: Template, lead: LeadToSend): string {
  if (template.format === 'json') return JSON.stringify(template.fields ? valuesOf(template.fields, lead) : envelope(lead));
  const values = template.fields ? valuesOf(template.fields, lead) : { ...envelope(lead).data.fields, leadId: lead.leadId };
  if (template.format === 'form') {
    const pairs = Object.entries(values).filter(([, value]) => value !== undefined);
    return new URLSearchParams(pairs.map(([name, value]): [string, string] => [name, textOf(value)])).toString();
  }
  if (template.format === 'xml') return `<?xml version="1.0" encoding="UTF-8"?>\n${element('lead', values)}`;
  return Object.entries(values).map(([name, value]) => `${name}: ${textOf(value)}`).join('\n');
}

/** What is sent where the method maps nothing: the envelope of Standard Webhooks with all there is. */
function envelope(lead: LeadToSend) {
  const { leadId, outboundLeadId, campaign, contract, client, source, price, currency, receivedAt, reservedAt, fields } = lead;
  const data = { leadId, outboundLeadId, campaign, contract, client, source, price, currency, receivedAt, fields };
  return { type: 'lead.delivered', timestamp: reservedAt, data };
}

function valuesOf(fields: Mapping, lead: LeadToSend): Record<string, unknown> {
  const values: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const name of Object.keys(fields)) values[name] = valueOf(fields[name]!, lead);
  return values;
}

function valueOf(source: Source, lead: LeadToSend): unknown {
  if (source.kind === 'constant') return source.value;
  return source.kind === 'path' ? fieldAt(lead, source.path) : valuesOf(source.fields, lead);
}

/**
 * `$.price` is of the envelope, `$.fields.email` and, for short, `$.email` of the lead; derived fields are named with a dot,
 * `$.zip.state`.
 */
function fieldAt(lead: LeadToSend, path: JsonPath): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return undefined;
  if (first !== 'fields' && Object.hasOwn(lead, first)) return readPath(lead, path);
  const steps = first === 'fields' ? rest : path;
  const dotted = steps.join('.');
  return Object.hasOwn(lead.fields, dotted) ? lead.fields[dotted] : readPath(lead.fields, steps);
}

function element(name: string, value: unknown): string {
  const tag = /^[A-Za-z_][\w.-]*$/.test(name) ? name : `_${name.replaceAll(/[^\w.-]/g, '_')}`;
  if (value === undefined || value === null) return `<${tag}/>`;
  if (Array.isArray(value)) return value.map((item) => element(name, item)).join('');
  if (typeof value === 'object') return `<${tag}>${Object.entries(value).map(([inner, item]) => element(inner, item)).join('')}</${tag}>`;
  return `<${tag}>${escapeXml(textOf(value))}</${tag}>`;
}

function escapeXml(text: string): string {
  // Characters that XML 1.0 has no spelling for are left out.
  const spelled = text.replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, '');
  return spelled.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean);
}
