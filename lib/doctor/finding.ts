/** What one check has found. Holds no secret, and no value of a setting that may hold one. */
export interface Finding {
  /** Name of the check: lower-case words with `_`, which never change their meaning. */
  readonly check: string;
  /** `fail`: do not go to production with it. `warn`: right for some applications; decide it. `pass`: looked at and found right. */
  readonly outcome: Outcome;
  /** What was found, as a sentence without a full stop. */
  readonly says: string;
  /** What may happen because of it. Absent with `pass`. */
  readonly why?: string;
  /** What to change. Absent with `pass`. */
  readonly fix?: string;
}

export type Outcome = 'pass' | 'warn' | 'fail';
