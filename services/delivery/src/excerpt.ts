/** The part of an answer that is kept for people: short, and without the lead's personal values, which clients like to echo. */

const LENGTH_MAX = 500;
/** Shorter values stand in too many innocent places. */
const VALUE_LENGTH_MIN = 3;
/** A local number without the area's code. */
const PHONE_DIGITS_MIN = 7;

/** `personal`: the values to blank out, in any case; digits of phone numbers also without what separates them. */
export function excerptOf(text: string, personal: readonly string[]): string {
  return blank(text.slice(0, LENGTH_MAX * 2), personal).slice(0, LENGTH_MAX);
}

/** A text with each of the values replaced by `***`. */
export function blank(text: string, personal: readonly string[]): string {
  // Postgres takes no NUL, and a client that sends one must not be able to keep its own results from being written.
  let clean = text.replaceAll('\u0000', '');
  // Nearly all texts hold none of the values, and a pattern costs more than a look.
  const lower = text.toLowerCase();
  const digits = text.replaceAll(/\D/g, '');
  for (const value of personal) {
    for (const pattern of patterns(lower, digits, value)) clean = clean.replaceAll(new RegExp(pattern, 'gi'), '***');
  }
  return clean;
}

/** Patterns for the spellings of a value that the text (in lower case, and its digits) may hold. */
function patterns(lower: string, digitsOfText: string, value: string): string[] {
  const trimmed = value.trim();
  if (trimmed.length < VALUE_LENGTH_MIN) return [];
  const spellings = [trimmed];
  if (/["\\%@+ ]|[^!-~]/.test(trimmed)) spellings.push(JSON.stringify(trimmed).slice(1, -1), encodeURIComponent(trimmed));
  const found = spellings.filter((spelling) => lower.includes(spelling.toLowerCase())).map(escaped);
  if (digitsOfText.length < PHONE_DIGITS_MIN) return found;
  const digits = trimmed.replaceAll(/\D/g, '');
  const phone = digits.length >= PHONE_DIGITS_MIN && digits.length >= trimmed.length - 6;
  if (!phone || !digitsOfText.includes(digits.slice(-PHONE_DIGITS_MIN))) return found;
  // A national form leaves the country code out, a local one the area's; between the digits stands whatever is the custom.
  return [...found, ...[digits, digits.slice(-10), digits.slice(-PHONE_DIGITS_MIN)].map((part) => [...part].join('[\\s().+-]*'))];
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
