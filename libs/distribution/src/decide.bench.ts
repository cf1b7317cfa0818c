export interface Row { what: string; measured: number; unit: string; against?: string; ratio?: number; goal: string; met: boolean }

/** Measures decide, index and changes against a linear scan over closures in the same run. */
export function benchDecide(): Row[] {
  throw new Error('not built yet');
}
