import type { Config, ConfigOrigins, ConfigProblem, Environment } from '../config/config.js';
import type { CreatedAuth } from './created.js';
import type { Verdict } from './finding.js';

/** One thing that is looked at. */
export interface Check {
  /** Lower-case words with `_`, unique among all checks. */
  readonly name: string;
  /** Undefined where it does not apply, or where nothing is known. */
  judge(inspected: Inspected): Verdict | readonly Verdict[] | undefined;
}

/** What checks look at. What is undefined is not known, and not judged. */
export interface Inspected {
  /** The environment of the application: that of the process, or what was given as such. */
  readonly env: Environment;
  /** Undefined where the configuration cannot be used. */
  readonly settings: InspectedSettings | undefined;
  /** What is wrong with the configuration. */
  readonly problems: readonly ConfigProblem[];
  /** What depends on the date is not judged while an application starts, lest it start today and not tomorrow. */
  readonly today?: Today;
  /** Where the application is, to find the packages that it uses. */
  readonly folder?: string | undefined;
  readonly application?: InspectedApplication | undefined;
}

export interface InspectedSettings {
  readonly config: Config;
  readonly origins: ConfigOrigins;
  /** Whether the store was passed in code, so that AUTH_STORE_URL says nothing of it. */
  readonly hasOwnStore: boolean;
}

interface Today {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Of Node, such as `24.1.0`. */
  readonly nodeVersion: string;
}

export interface InspectedApplication {
  /** Applications of Express, as far as they were found. */
  readonly apps: readonly unknown[];
  readonly auths: readonly CreatedAuth[];
  /** A sample of what proxies send. */
  readonly forwarded?: ForwardedSample | undefined;
}

export interface ForwardedSample {
  /** The header `X-Forwarded-For`. */
  readonly header: string;
  /** Address of the connection: that of the nearest proxy. */
  readonly remote: string;
}

/** A check of settings alone. */
export function settingsCheck(
  name: string,
  judge: (settings: InspectedSettings, inspected: Inspected) => ReturnType<Check['judge']>,
): Check {
  return {
    name,
    judge: (inspected) => inspected.settings && judge(inspected.settings, inspected),
  };
}

/** Whether the application signs tokens, and so has users, sessions and cookies. */
export function signsTokens({ config: { jwt } }: InspectedSettings): boolean {
  return jwt.secret !== undefined || jwt.privateKey !== undefined;
}
