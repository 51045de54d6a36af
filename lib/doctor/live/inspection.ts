import type { Finding } from '../finding.js';

/** What was found of a server or a file before anything is written into it. */
export interface Inspection {
  readonly findings: readonly Finding[];
  /** Whether it holds the schema of this release, so that to use it makes none and changes none. */
  readonly isPrepared: boolean;
}
