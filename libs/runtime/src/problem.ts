/** One fault of a request: where (a JSON pointer), which, and what to do about it. */
export interface Fault {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

/** RFC 9457. `code` is stable, `detail` is for people and says how to mend it. */
export interface ProblemDocument {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly Fault[];
}

/** Thrown by services and controllers; the composition root's filter answers with it as application/problem+json. */
export class Problem extends Error {
  override readonly name = 'Problem';

  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly errors: readonly Fault[] = [],
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(`${code}: ${detail}`);
  }

  document(): ProblemDocument {
    const title = this.code.replaceAll('_', ' ');
    return {
      type: `https://sluice.dev/problems/${this.code.replaceAll('_', '-')}`,
      title: title.charAt(0).toUpperCase() + title.slice(1),
      status: this.status,
      code: this.code,
      detail: this.detail,
      ...(this.errors.length > 0 ? { errors: this.errors } : {}),
    };
  }
}
