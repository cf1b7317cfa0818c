/**
 * A closed grammar of paths into JSON: `$.result`, `$.errors[0].code`, `$['odd name']`. No filters, wildcards or scripts: those have
 * been the way to run code in more than one product. Own properties alone are read.
 */
export type JsonPath = readonly (string | number)[];

const STEP = /\.([A-Za-z_][\w-]*)|\[(\d{1,6})\]|\['([^'\\]{1,100})'\]/y;
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** The steps of a path; undefined where the text is none. */
export function parsePath(text: string): JsonPath | undefined {
  if (!text.startsWith('$') || text.length > 500) return undefined;
  const steps: (string | number)[] = [];
  STEP.lastIndex = 1;
  while (STEP.lastIndex < text.length) {
    const match = STEP.exec(text);
    if (!match) return undefined;
    const step = match[2] !== undefined ? Number(match[2]) : (match[1] ?? match[3] ?? '');
    if (FORBIDDEN.has(String(step))) return undefined;
    steps.push(step);
  }
  return steps;
}

/** The value at a path; undefined where there is none. */
export function readPath(value: unknown, path: JsonPath): unknown {
  let at = value;
  for (const step of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, step)) return undefined;
    at = (at as Record<string | number, unknown>)[step];
  }
  return at;
}
