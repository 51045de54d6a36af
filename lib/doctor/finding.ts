/** What one check has found. Holds no secret, and no value of a setting that may hold one. */
export type Finding = Verdict & {
  /** Name of the check: lower-case words with `_`, which never change their meaning. */
  readonly check: string;
  /** A warning that AUTH_ACCEPTED_WARNINGS names: decided, and right for this application. */
  readonly accepted?: true;
};

/**
 * `fail`: do not go to production with it. `warn`: right for some applications; decide it. `pass`: looked at and found right.
 */
export type Outcome = 'pass' | 'warn' | 'fail';

/** A finding before it is known whose it is. */
export type Verdict = Passed | Flaw;

interface Passed {
  readonly outcome: 'pass';
  /** What was found, as a sentence without a full stop. */
  readonly says: string;
}

interface Flaw extends Advice {
  readonly outcome: 'warn' | 'fail';
  readonly says: string;
}

interface Advice {
  /** What may happen because of it. */
  readonly why: string;
  /** What to change. */
  readonly fix: string;
}

export function passed(says: string): Verdict {
  return { outcome: 'pass', says };
}

export function warned(says: string, advice: Advice): Verdict {
  return { outcome: 'warn', says, ...advice };
}

export function failed(says: string, advice: Advice): Verdict {
  return { outcome: 'fail', says, ...advice };
}
