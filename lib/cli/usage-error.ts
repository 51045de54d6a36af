import { didYouMean, nearestNames } from '../known-options.js';

/** A command line that cannot be understood. Printed with where its help is. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** `there is no command "user"; did you mean users?`, or all that there are. */
export function unknownName(kind: string, name: string, known: readonly string[]): UsageError {
  const cure = didYouMean(nearestNames(name, known)) ?? `there are ${known.join(', ')}`;
  return new UsageError(`there is no ${kind} ${shownName(name)}; ${cure}`);
}

/** A long name is no slip of the pen, but perhaps a token in the wrong place, which must not be printed. */
export function shownName(name: string): string {
  return name.length > MAX_SHOWN ? `of ${name.length} characters` : JSON.stringify(name);
}

const MAX_SHOWN = 30;
