/**
 * Numbers for the values that sets of criteria name: one number a value, whatever the field and the campaign. So a lead's value is looked
 * up in one small table that every decision uses, and what hangs on it in a field is an array's element.
 */
import { keyOf, type FieldValue } from './fields.js';

/** Spellings of values met so far that are remembered, so that a value is brought to its key once and not with every lead. */
const SPELLINGS_MAX = 32_768;

/** A field without a value. */
export const MISSING = -1;
/** A value that no contract names. */
const UNKNOWN = -2;

export class Values {
  private readonly numbers = new Map<string, number>();
  private readonly spellings = new Map<string | number | boolean, number>();

  /** Numbers of values as `keyOf` writes them; who is new is given the next. Values that nobody names any more keep theirs. */
  numbersOf(keys: readonly string[]): number[] {
    return keys.map((key) => {
      const known = this.numbers.get(key);
      if (known !== undefined) return known;
      const number = this.numbers.size;
      this.numbers.set(key, number);
      if (this.spellings.size > 0) this.spellings.clear();
      return number;
    });
  }

  /** The number of a lead's value, however it is spelled; below 0 where there is none. */
  find(value: FieldValue): number {
    if (value === undefined || value === null) return MISSING;
    return this.spellings.get(value) ?? this.spell(value);
  }

  private spell(value: string | number | boolean): number {
    const key = keyOf(value);
    const number = key === '' ? MISSING : this.numbers.get(key) ?? UNKNOWN;
    if (this.spellings.size >= SPELLINGS_MAX) this.spellings.clear();
    this.spellings.set(value, number);
    return number;
  }
}
