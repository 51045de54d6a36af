import { failed, type Finding, passed, warned } from '../finding.js';

interface Words {
  readonly says: string;
  readonly why: string;
  readonly fix: string;
}

export function pass(check: string, says: string): Finding {
  return { check, ...passed(says) };
}

export function warn(check: string, { says, ...advice }: Words): Finding {
  return { check, ...warned(says, advice) };
}

export function fail(check: string, { says, ...advice }: Words): Finding {
  return { check, ...failed(says, advice) };
}
