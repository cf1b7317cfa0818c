/** Text → scenario: a document with a time line, checked as far as it can be before it runs. */
import { documentOf, itemsOf, type ConfigDocument, type Scenario } from '@sluice/distribution';
import { mergePatch, type Json } from '@sluice/kernel';
import { z } from 'zod';
import { sections, settingsSchema, type Section } from './document.js';
import { checkSchema, faultAt, suggestion, type DocumentFault } from './faults.js';
import { duration, id, instant, says, show, text, word } from './leaf.js';
import { checkDocument, readText, type Checked } from './parse-document.js';
import { Mentions, unknown } from './scenario-mentions.js';

const names = z.record(z.string(), z.unknown());
const ids = z.array(id, says('a list of contract ids'));
const value = z.union([z.string(), z.number(), z.boolean(), z.null()], says('text, a number, true or false'));

const lead = z.strictObject({
  id, campaign: id.optional(), fields: z.record(z.string(), value).optional(), lat: z.number().optional(), lon: z.number().optional(),
  source: id.optional(), channel: text.optional(),
  country: text.optional(), score: z.number().optional(), duplicate: z.boolean().optional(), list: id.optional(),
  consent: z.array(id).optional(), phone: text.optional(), email: text.optional(), receivedAt: instant.optional(),
});

const actions = {
  lead: z.strictObject({ at: instant, lead, rejectedBy: ids.optional(), failedBy: ids.optional(), unansweredBy: ids.optional() }),
  set: z.strictObject({ at: instant, set: names }),
  remove: z.strictObject({ at: instant, remove: z.record(z.string(), z.array(id)) }),
  distribute: z.strictObject({ at: instant, distribute: z.strictObject({
    lead: id, contracts: ids.optional(), rules: id.optional(), by: text.optional(), overrides: z.array(text).optional(),
  }) }),
  cherryPick: z.strictObject({ at: instant, cherryPick: z.strictObject({ lead: id, contract: id, by: text.optional() }) }),
  return: z.strictObject({ at: instant, return: z.strictObject({ lead: id, contract: id }) }),
  window: z.strictObject({ at: instant, window: z.strictObject({
    lead: id, action: word('open', 'pause', 'resume', 'stop', 'edit'), length: duration.optional(), every: duration.optional(),
  }) }),
  seen: z.strictObject({ at: instant, seen: z.strictObject({ user: id }) }),
} as const;

const perLead = <S extends z.ZodType>(schema: S) => z.record(z.string(), schema).optional();

const scenarioSchema = z.strictObject({
  name: text.optional(),
  seed: text.optional(),
  config: z.custom<unknown>((value) => value !== undefined, says('a document, or the path of its file')),
  timeline: z.array(z.record(z.string(), z.unknown(), says('a step such as { at: …, lead: … }')), says('a list of steps')).optional(),
  until: instant.optional(),
  expect: z.strictObject({
    assigned: perLead(z.array(id)),
    refused: perLead(z.record(z.string(), z.string())),
    counts: perLead(z.int(says('an integer ≥ 0')).min(0, says('an integer ≥ 0'))),
    windows: perLead(z.string()),
    unsold: perLead(z.string()),
  }).optional(),
});

/**
 * A scenario, or every fault of it. `read` gives the text of a file that `config` names, by the path as written; without it a path is a
 * fault. Steps that change the configuration are applied in order, and each document that results is checked.
 */
export function parseScenario(text: string, read?: (path: string) => string): Checked<Scenario> {
  const yaml = readText(text);
  if ('faults' in yaml) return yaml;
  const checked = checkSchema(scenarioSchema, yaml.value);
  if ('faults' in checked) return checked;
  const { config, timeline = [], ...rest } = checked.value;
  const start = configOf(config, read);
  if (start.faults) return { faults: start.faults.map((fault) => ({ ...fault, path: `config.${fault.path}`, pointer: `/config${fault.pointer}` })) };
  const faults = timeline.flatMap((step, place) => checkStep(step, place));
  if (faults.length > 0) return { faults };
  const later = [...checkOrder(timeline, rest.until), ...checkChanges(start.document, timeline)];
  if (later.length > 0) return { faults: later };
  return { document: { ...rest, config: start.document, timeline } as Scenario };
}

function configOf(config: unknown, read: ((path: string) => string) | undefined): Checked<ConfigDocument> {
  if (typeof config !== 'string') return checkDocument(config);
  if (!read) return { faults: [faultAt([], 'invalid', 'expected a document; a file can be named only where files can be read')] };
  const yaml = readText(read(config));
  return 'faults' in yaml ? yaml : checkDocument(yaml.value);
}

function checkStep(step: Readonly<Record<string, unknown>>, place: number): DocumentFault[] {
  const kinds = Object.keys(actions) as (keyof typeof actions)[];
  const kind = kinds.find((name) => name in step);
  if (!kind) {
    const unknown = Object.keys(step).find((key) => key !== 'at');
    return [faultAt(['timeline', place], 'invalid', `expected one of ${kinds.join(', ')}${unknown ? suggestion(unknown, kinds) : ''}`)];
  }
  const checked = checkSchema(actions[kind], step, ['timeline', place]);
  return 'faults' in checked ? checked.faults : [];
}

function checkOrder(timeline: readonly Readonly<Record<string, unknown>>[], until: string | undefined): DocumentFault[] {
  const times = [...timeline.map((step) => String(step['at'])), ...(until ? [until] : [])];
  return times.flatMap((at, place) => {
    const before = times[place - 1];
    if (before === undefined || Date.parse(at) >= Date.parse(before)) return [];
    return [faultAt(place < timeline.length ? ['timeline', place, 'at'] : ['until'], 'contradiction', `${at} lies before ${before}; the time line is in order of time`)];
  });
}

type Step = Readonly<Record<string, unknown>>;

/** Applies the changes of the time line one after the other, and looks up what the steps between them name. */
function checkChanges(start: ConfigDocument, timeline: readonly Step[]): DocumentFault[] {
  const mentions = new Mentions(start, timeline);
  for (const [place, step] of timeline.entries()) {
    if (!('set' in step) && !('remove' in step)) {
      const faults = mentions.check(step, place);
      if (faults.length > 0) return faults;
      continue;
    }
    const changed = changeBy(mentions.document, step, place);
    if ('faults' in changed) return changed.faults;
    const checked = checkDocument(changed.value);
    if (checked.faults) return checked.faults.map((fault) => atStep(fault, step, place, changed.value));
    mentions.document = checked.document;
  }
  return [];
}

/** A fault where the step wrote it: `timeline[2].set.contracts.A.status`; one that the step causes elsewhere keeps its own place. */
function atStep(fault: DocumentFault, step: Step, place: number, document: Readonly<Record<string, unknown>>): DocumentFault {
  const [, list = '', at = '', ...rest] = fault.pointer.split('/');
  const set = step['set'] as Readonly<Record<string, unknown>> | undefined;
  if (set && list in set && !(list in sections)) {
    return faultAt(['timeline', place, 'set', list, ...(at === '' ? [] : [at, ...rest])], fault.code, fault.message);
  }
  const id = (document[list] as readonly { id?: unknown }[] | undefined)?.[Number(at)]?.id;
  const written = set?.[list];
  if (typeof id === 'string' && typeof written === 'object' && written !== null && id in written) {
    return faultAt(['timeline', place, 'set', list, id, ...rest.map((word) => (/^\d+$/.test(word) ? Number(word) : word))], fault.code, fault.message);
  }
  return faultAt(['timeline', place], fault.code, `${fault.path}: ${fault.message}`);
}

function changeBy(
  document: ConfigDocument, step: Step, place: number,
): { value: Readonly<Record<string, unknown>> } | { faults: DocumentFault[] } {
  const changed: Record<string, unknown> = documentOf(itemsOf(document)) as unknown as Record<string, unknown>;
  const [verb, change] = 'set' in step ? ['set', step['set']] as const : ['remove', step['remove']] as const;
  for (const [key, entries] of Object.entries(change as Record<string, unknown>)) {
    const path = ['timeline', place, verb, key];
    if (!(key in sections)) {
      if (verb === 'set' && key in settingsSchema.shape) {
        changed[key] = entries;
        continue;
      }
      return { faults: [faultAt(path, 'unknown_key', `unknown key${suggestion(key, Object.keys(sections))}`)] };
    }
    const items = new Map(((changed[key] ?? []) as { id: string }[]).map((item) => [item.id, item as unknown as Json]));
    if (verb === 'remove') {
      for (const [nth, gone] of (entries as string[]).entries()) {
        if (!items.delete(gone)) return { faults: [unknown([...path, nth], key as Section, gone, items.keys())] };
      }
    } else if (typeof entries !== 'object' || entries === null || Array.isArray(entries)) {
      return { faults: [faultAt(path, 'invalid', `expected a mapping of ids, got ${show(entries)}`)] };
    } else for (const [itemId, patch] of Object.entries(entries as Record<string, Json>)) {
      if (patch === null) items.delete(itemId);
      else items.set(itemId, mergePatch(items.get(itemId) ?? { id: itemId }, patch));
    }
    changed[key as Section] = [...items.values()];
  }
  return { value: changed };
}
