import { randomBytes } from 'node:crypto';
import type { Store } from '../../stores/store.js';

/** Two connections to the same data. */
export interface Connections {
  readonly one: Store;
  readonly two: Store;
}

export type Check = (connections: Connections) => Promise<void>;

/** Checks run at a fixed moment, far from the clock of this machine: a store must have none. */
export const NOW = 1_800_000_000_000;

export function randomName(): string {
  return randomBytes(16).toString('base64url');
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Runs the same step many times at once, on either connection in turn. */
export function race<Result>(
  { one, two }: Connections,
  times: number,
  step: (store: Store, turn: number) => Promise<Result>,
): Promise<Result[]> {
  return Promise.all(
    Array.from({ length: times }, (_, turn) => step(turn % 2 === 0 ? one : two, turn)),
  );
}

const WAVE = 25;

/** Does a step many times where how many are under way is not the point: a wave at a time, so that none waits longer than a store has patience. */
export async function inWaves<Result>(
  connections: Connections,
  times: number,
  step: (store: Store, turn: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (let from = 0; from < times; from += WAVE) {
    const wave = Math.min(WAVE, times - from);
    results.push(...(await race(connections, wave, (store, turn) => step(store, from + turn))));
  }
  return results;
}

/** Texts that have made stores stumble. */
export const awkwardTexts: readonly string[] = [
  "it's; DROP TABLE users; --",
  '"quoted" \\ back\\slash',
  '%_*?[a-z]',
  'line\nbreak\ttab',
  'ünïcode 漢字 🔑',
  '__proto__',
  '{hash}tag}',
  'with:colon|pipe,comma',
  '0',
  'null',
  '\u001B[31mred',
  '\u2028 \u2029 \u0085',
  '\u202Eright to left',
  'עברית',
  '𝒜stral 𐍈',
  ' space around ',
];
