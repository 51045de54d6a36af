import type { Finding } from '../finding.js';

type Words = Required<Pick<Finding, 'says' | 'why' | 'fix'>>;

export function pass(check: string, says: string): Finding {
  return { check, outcome: 'pass', says };
}

export function warn(check: string, words: Words): Finding {
  return { check, outcome: 'warn', ...words };
}

export function fail(check: string, words: Words): Finding {
  return { check, outcome: 'fail', ...words };
}
