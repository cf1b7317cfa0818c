/**
 * What the columns of a CSV mean. A column is a field of the campaign; those of the envelope are written with a dollar sign, as in
 * criteria ($list, $country …), and `campaign`, `lat`, `lon` without one too. `fields.lat` is a field of that name.
 */
import { ENVELOPE_NAMES } from './new-lead.js';

const PLAIN_ENVELOPE = new Set(['campaign', 'lat', 'lon']);
const NUMBERS = new Set(['lat', 'lon', 'score']);

export type CsvRow = { readonly body: unknown } | { readonly fault: { code: string; message: string } };
export type ReadRow = (cells: readonly string[]) => CsvRow;

/** Compiles a header row; answers what is wrong with it instead. */
export function readHeader(cells: readonly string[]): ReadRow | { readonly fault: string } {
  const columns = cells.map((cell) => column(cell.trim()));
  const names = columns.map(({ name, envelope }) => `${envelope ? '$' : ''}${name}`);
  const empty = columns.findIndex(({ name }) => name === '');
  if (empty !== -1) return { fault: `Column ${empty + 1} has no name.` };
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) return { fault: `Column "${twice.slice(0, 80)}" stands twice.` };
  const stranger = columns.find(({ name, envelope }) => envelope && !ENVELOPE_NAMES.includes(name));
  if (stranger) return { fault: `There is no "$${stranger.name.slice(0, 80)}"; known are ${ENVELOPE_NAMES.filter((name) => name !== 'fields').map((name) => `$${name}`).join(', ')}.` };

  return (row) => {
    if (row.length !== columns.length) return { fault: { code: 'columns', message: `Expected ${columns.length} columns, got ${row.length}.` } };
    const fields: Record<string, unknown> = {};
    const body: Record<string, unknown> = { fields };
    for (let i = 0; i < columns.length; i++) {
      const cell = row[i] ?? '';
      if (cell === '') continue;
      const { name, envelope } = columns[i] as (typeof columns)[number];
      if (envelope) body[name] = value(name, cell);
      else fields[name] = cell;
    }
    return { body };
  };
}

function column(cell: string): { name: string; envelope: boolean } {
  if (cell.startsWith('$')) return { name: cell.slice(1), envelope: true };
  if (cell.startsWith('fields.')) return { name: cell.slice('fields.'.length), envelope: false };
  return { name: cell, envelope: PLAIN_ENVELOPE.has(cell) };
}

function value(name: string, cell: string): unknown {
  if (NUMBERS.has(name)) return Number(cell);
  if (name === 'consent') return cell.split(';').map((id) => id.trim()).filter((id) => id !== '');
  return cell;
}
