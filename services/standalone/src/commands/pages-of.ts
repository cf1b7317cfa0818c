import type { Api } from '../api.js';
import type { Terminal } from '../terminal.js';

interface Page<T> {
  readonly data: readonly T[];
  readonly nextCursor: string | null;
}

/** Rows of a list, page after page, at most `limit`; and whether there are more. `pageMax`: the most that the API gives at once. */
export async function rowsOf<T>(
  api: Api, path: string, filter: Readonly<Record<string, string | undefined>>, limit: number, pageMax: number,
): Promise<{ readonly rows: T[]; readonly more: boolean }> {
  const rows: T[] = [];
  for (let cursor: string | null = ''; cursor !== null; ) {
    if (rows.length >= limit) return { rows, more: true };
    const query = new URLSearchParams({ limit: String(Math.min(pageMax, limit - rows.length)) });
    for (const [name, value] of Object.entries({ ...filter, cursor })) if (value) query.set(name, value);
    const page: Page<T> = await api.call('GET', `${path}?${query.toString()}`);
    rows.push(...page.data);
    cursor = page.nextCursor;
  }
  return { rows, more: false };
}

/** Said below a list that goes on. */
export function sayMore({ more }: { readonly more: boolean }, limit: number, terminal: Terminal): void {
  if (more) terminal.line(`There are more; --limit ${limit * 4} shows them.`);
}
