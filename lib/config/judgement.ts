import type { Settings } from './settings.js';
import type { ConfigWarning } from './sources.js';

/** What rules look at. A value that was refused before is given, but undefined or its default. */
export interface Judgement {
  readonly values: Settings;
  readonly production: boolean;
  readonly isGiven: (path: string) => boolean;
  readonly nameOf: (path: string) => string;
  readonly refuse: (path: string, problem: string, fix: string) => void;
  readonly warn: (
    path: string,
    problem: string,
    advice: Pick<ConfigWarning, 'why' | 'fix'>,
  ) => void;
}

/** Whether this application signs tokens, and so has sessions, cookies and links. Others only verify. */
export function signsTokens({ isGiven }: Judgement): boolean {
  return isGiven('jwt.secret') || isGiven('jwt.privateKey');
}

export const KEY_SOURCES = [
  'jwt.secret',
  'jwt.privateKey',
  'jwt.jwksUrl',
  'jwt.publicKey',
] as const;
export type KeySourcePath = (typeof KEY_SOURCES)[number];

/** The one main key source; undefined where there is none or a choice. */
export function keySource({ isGiven }: Judgement): KeySourcePath | undefined {
  const given = KEY_SOURCES.filter(isGiven);
  return given.length === 1 ? given[0] : undefined;
}
