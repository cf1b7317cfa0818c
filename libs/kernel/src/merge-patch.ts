/** JSON Merge Patch (RFC 7396). Keys that reach an object's prototype are refused: a patch comes from outside. */

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Target and patch → the patched document; neither is changed. null in the patch removes a key. Throws RangeError for a key of the
 * prototype.
 */
export function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged = new Map(Object.entries(target !== undefined && isObject(target) ? target : {}));
  for (const [key, value] of Object.entries(patch)) {
    if (FORBIDDEN.has(key)) throw new RangeError(`the key ${JSON.stringify(key)} is not allowed in a patch`);
    if (value === null) merged.delete(key); else merged.set(key, mergePatch(merged.get(key), value));
  }
  return Object.fromEntries(merged);
}

function isObject(value: Json): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
