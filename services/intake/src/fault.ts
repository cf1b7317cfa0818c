/** One fault of a lead: where (a JSON pointer), which, and how to mend it. Never the value, which may be personal. */
export interface Fault {
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}
