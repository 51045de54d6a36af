/** Mutants that change nothing a test could see. */
export interface EquivalentMutant {
  readonly file: string;
  /** Source text, and what stands there under the mutant. */
  readonly original: string;
  readonly replacement: string;
  readonly reason: string;
}

export const equivalentMutants: readonly EquivalentMutant[] = [
  {
    file: 'lib/verifier/tokens/rules.ts',
    original: 'clientId === undefined',
    replacement: 'false',
    reason: 'No set of client ids has undefined in it; the comparison is there for the compiler.',
  },
  {
    file: 'lib/verifier/tokens/shape.ts',
    original: 'count < most',
    replacement: 'count <= most',
    reason: 'Counting one dot more leaves “exactly two” as it was; the bound saves time.',
  },
  {
    file: 'lib/verifier/tokens/shape.ts',
    original: '{\n    return undefined;\n  }',
    replacement: '{}',
    reason: 'A function that ends without a return returns undefined.',
  },
  {
    file: 'lib/verifier/tokens/shape.ts',
    original: 'isRecord(value)',
    replacement: 'true',
    reason:
      'What is an object, not null and no list is a record: the test is there for the compiler.',
  },
  {
    file: 'lib/verifier/tokens/shape.ts',
    original: 'at < text.length',
    replacement: 'at <= text.length',
    reason: 'Behind the end there is no character, so no colon and no quote.',
  },
  {
    file: 'lib/verifier/verifier.ts',
    original: 'token.length > maxTokenLength',
    replacement: 'false',
    reason: 'hasTokenShape() refuses the same token for the same reason; this saves its digest.',
  },
  {
    file: 'lib/verifier/verifier.ts',
    original: "typeof kid === 'string'",
    replacement: 'true',
    reason:
      'judgeAnyHeader() lets only a text or undefined through; the test is there for the compiler.',
  },
  {
    file: 'lib/verifier/verifier.ts',
    original: "typeof alg === 'string'",
    replacement: 'true',
    reason: 'judgeAnyHeader() lets only a text through; the test is there for the compiler.',
  },
  {
    file: 'lib/verifier/verifier.ts',
    original: '{\n    return false;\n  }',
    replacement: '{}',
    reason: 'The caller negates the result, so that undefined counts as false.',
  },
  {
    file: 'lib/verifier/verifier.ts',
    original: "typeof iat === 'number'",
    replacement: 'true',
    reason:
      'judgeToken() lets only a number or undefined through; the test is there for the compiler.',
  },
];
