/** What a schema finds wrong with a request → faults that say where, and what to send instead. */
import type { Fault } from '@sluice/runtime';

/** As the Standard Schema says it, and what the schemas here tell besides. */
export interface Issue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
  readonly code?: string;
  readonly expected?: string;
  readonly keys?: readonly string[];
}

/** Every fault of a request at once, each with its JSON pointer; a key that is not known is a fault of its own. */
export function faultsOf(issues: readonly Issue[]): Fault[] {
  return issues.flatMap((issue) => {
    const at = (issue.path ?? []).map((part) => stepOf(typeof part === 'object' ? part.key : part)).join('');
    if (issue.code !== 'unrecognized_keys' || !issue.keys) return [{ pointer: at, code: 'invalid', message: wordsOf(issue) }];
    return issue.keys.map((key) => ({ pointer: at + stepOf(key), code: 'unknown_key', message: `"${key}" is not known here; leave it out, or mend its spelling` }));
  });
}

function stepOf(key: PropertyKey): string {
  return `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function wordsOf({ message, code, expected }: Issue): string {
  if (code === 'invalid_type' && expected !== undefined) {
    if (message.endsWith('received undefined')) return `is missing: expected ${withArticle(expected)}`;
    if (message.endsWith('received NaN')) return `expected ${withArticle(expected)}`;
  }
  const plain = message.replace(/^Invalid (input|option): /, '');
  return code === 'invalid_value' ? plain.replaceAll('"|"', '", "') : plain;
}

function withArticle(type: string): string {
  return `${/^[aeio]/.test(type) ? 'an' : 'a'} ${type === 'int' ? 'integer' : type}`;
}
