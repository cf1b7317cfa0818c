/** One line of the benchmark: a figure, the limit of the same run that it is held against, and the goal of the ratio. */
export interface Row {
  readonly what: string;
  readonly measured: number;
  readonly unit?: string;
  readonly against?: string;
  readonly ratio?: number;
  readonly goal: string;
  readonly met: boolean;
}
