import type { AuthError } from 'latchkey';

/** The refusal of a token, or a failing test when there is none. */
export async function refusalOf(verdict: Promise<unknown>): Promise<AuthError> {
  const outcome = await verdict.then(
    () => undefined,
    (error: AuthError) => error,
  );
  if (!outcome) throw new Error('the token was accepted');
  return outcome;
}
