/** The part of an answer that is kept for people: short, and without the lead's personal values, which clients like to echo. */

const LENGTH_MAX = 500;
/** Shorter values stand in too many innocent places. */
const VALUE_LENGTH_MIN = 3;

/** `personal`: the values to blank out, in any case; digits of phone numbers also without what separates them. */
export function excerptOf(text: string, personal: readonly string[]): string {
  return blank(text.slice(0, LENGTH_MAX * 2), personal).slice(0, LENGTH_MAX);
}

/** A text with each of the values replaced by `***`. */
export function blank(text: string, personal: readonly string[]): string {
  let clean = text;
  for (const value of personal) for (const pattern of patterns(value)) clean = clean.replaceAll(new RegExp(pattern, 'gi'), '***');
  return clean;
}

function patterns(value: string): string[] {
  const trimmed = value.trim();
  if (trimmed.length < VALUE_LENGTH_MIN) return [];
  const spellings = new Set([trimmed, JSON.stringify(trimmed).slice(1, -1), encodeURIComponent(trimmed)]);
  const digits = trimmed.replaceAll(/\D/g, '');
  const phone = digits.length >= 7 && digits.length >= trimmed.length - 6;
  // A national form leaves the country code out, a local one the area's; between the digits stands whatever is the custom.
  const numbers = phone ? [...new Set([digits, digits.slice(-10), digits.slice(-7)])].map((part) => [...part].join('[\\s().+-]*')) : [];
  return [...[...spellings].map(escaped), ...numbers];
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
