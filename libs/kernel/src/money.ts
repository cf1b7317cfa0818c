/**
 * Money as a whole number of minor units (cents) in a bigint. Nothing is ever rounded here: an amount that does not fit the
 * currency is refused, because a lost cent shows up on an invoice and not in a test.
 */

/** ISO 4217 currencies whose minor unit is not the hundredth part. A table and not Intl, so that every Node version reads alike. */
const DIGITS: Readonly<Record<string, number>> = {
  BIF: 0, CLP: 0, DJF: 0, GNF: 0, ISK: 0, JPY: 0, KMF: 0, KRW: 0, PYG: 0, RWF: 0, UGX: 0, UYI: 0, VND: 0, VUV: 0, XAF: 0, XOF: 0, XPF: 0,
  BHD: 3, IQD: 3, JOD: 3, KWD: 3, LYD: 3, OMR: 3, TND: 3, CLF: 4, UYW: 4,
};

/** A double carries 15 significant decimal digits without loss; with more, the number is not what was written. */
const EXACT_DIGITS = 15;

/** Decimals of a currency: 2 for USD, 0 for JPY, 3 for KWD. Throws RangeError unless the code is three capital letters. */
export function currencyDigits(currency: string): number {
  if (!/^[A-Z]{3}$/.test(currency)) {
    throw new RangeError(`expected a currency code of three capital letters, got ${JSON.stringify(currency)}`);
  }
  return DIGITS[currency] ?? 2;
}

/**
 * Amount as written ('25.00', '-3', 25) → minor units (2500n). Throws RangeError for anything but a plain decimal, for more decimals
 * than the currency has (trailing zeros are allowed), and for a number that a double does not hold exactly.
 */
export function parseMoney(amount: string | number, currency: string): bigint {
  const digits = currencyDigits(currency);
  const text = typeof amount === 'number' ? numberText(amount) : amount;
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (!match) throw new RangeError(`expected an amount such as "25.00", got ${JSON.stringify(amount)}`);
  const [, sign, whole = '0', fraction = ''] = match;
  const kept = fraction.replace(/0+$/, '');
  if (kept.length > digits) throw new RangeError(`${currency} has ${digits} decimals, got ${JSON.stringify(amount)}`);
  const minor = BigInt(whole + kept.padEnd(digits, '0'));
  return sign === '-' ? -minor : minor;
}

function numberText(amount: number): string {
  const text = String(amount);
  const significant = text.replace(/^-?0*\.?0*/, '').replace('.', '');
  if (!/^-?\d+(\.\d+)?$/.test(text) || significant.length > EXACT_DIGITS) {
    throw new RangeError(`the number ${text} is not exact as an amount; write it as text`);
  }
  return text;
}

/**
 * Minor units → text with all decimals of the currency: 2500n, 'USD' → '25.00'. parseMoney reads it back. Throws RangeError as
 * currencyDigits.
 */
export function formatMoney(minor: bigint, currency: string): string {
  const digits = currencyDigits(currency);
  const text = (minor < 0n ? -minor : minor).toString().padStart(digits + 1, '0');
  const sign = minor < 0n ? '-' : '';
  return digits === 0 ? sign + text : `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
