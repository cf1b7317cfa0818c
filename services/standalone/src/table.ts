/** Text tables for terminals: columns as wide as what stands in them. */

export interface Column {
  readonly title: string;
  /** Numbers stand right. */
  readonly right?: boolean;
}

/** Rows → lines, the titles first; no trailing spaces. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], indent = '  '): string[] {
  const widths = columns.map(({ title }, place) => Math.max(title.length, ...rows.map((row) => (row[place] ?? '').length)));
  const line = (cells: readonly string[]) => (indent + cells.map((cell, place) =>
    (columns[place]?.right ? cell.padStart(widths[place]!) : cell.padEnd(widths[place]!))).join('  ')).trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map((row) => line(columns.map((_, place) => row[place] ?? '')))];
}

/** A count with thousands apart. */
export function count(value: number): string {
  return value.toLocaleString('en');
}

/** A difference with its sign; nothing where there is none. */
export function signed(value: number): string {
  return value === 0 ? '' : `${value > 0 ? '+' : '−'}${count(Math.abs(value))}`;
}

/** Decimal text with thousands apart: "12345.60" → "12,345.60". */
export function amount(text: string): string {
  const [whole = '', decimals] = text.replace(/^-/, '').split('.');
  return `${text.startsWith('-') ? '−' : ''}${whole.replace(/\B(?=(\d{3})+$)/g, ',')}${decimals === undefined ? '' : `.${decimals}`}`;
}

/** The same as a difference, with its sign. */
export function signedAmount(text: string): string {
  if (/^-?0+(\.0+)?$/.test(text)) return '';
  return text.startsWith('-') ? amount(text) : `+${amount(text)}`;
}

/** A share of 1 as a percentage. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}

/** A bar of at most `cells` cells, in eighths; `share` of 1. */
export function bar(share: number, cells: number): string {
  const eighths = Math.round(Math.max(0, Math.min(1, share)) * cells * 8);
  const rest = eighths % 8;
  return '█'.repeat(Math.floor(eighths / 8)) + (rest === 0 ? '' : ' ▏▎▍▌▋▊▉'[rest]!);
}
