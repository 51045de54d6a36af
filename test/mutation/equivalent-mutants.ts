/** Mutants that change nothing a test could see. */
export interface EquivalentMutant {
  readonly file: string;
  /** Source text, and what stands there under the mutant. */
  readonly original: string;
  readonly replacement: string;
  readonly reason: string;
}

export const equivalentMutants: readonly EquivalentMutant[] = [];
