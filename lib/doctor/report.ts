import { z } from 'zod';
import { isFlaw } from './examine.js';
import type { Finding, Outcome } from './finding.js';

/** What `doctor --json` prints. */
export interface Report {
  readonly version: 1;
  /** The worst outcome among the findings, accepted warnings aside. */
  readonly verdict: Outcome;
  readonly findings: readonly Finding[];
}

export function reportOf(findings: readonly Finding[]): Report {
  const flaws = findings.filter(isFlaw);
  const isFailed = flaws.some(({ outcome }) => outcome === 'fail');
  const verdict = isFailed ? 'fail' : flaws.length > 0 ? 'warn' : 'pass';
  return { version: 1, verdict, findings };
}

const check = z
  .string()
  .regex(/^[a-z]+(?:_[a-z]+)*$/)
  .describe('Name of the check; it never changes its meaning');
const says = z.string().describe('What was found');
const flaw = {
  check,
  says,
  why: z.string().describe('What may happen because of it'),
  fix: z.string().describe('What to change'),
};

const report = z.object({
  version: z
    .literal(1)
    .describe('Members may be added to this version, and none changes its meaning'),
  verdict: z
    .enum(['pass', 'warn', 'fail'])
    .describe('The worst outcome among the findings, accepted warnings aside'),
  findings: z.array(
    z.discriminatedUnion('outcome', [
      z.object({ ...{ check, says }, outcome: z.literal('pass') }),
      z.object({
        ...flaw,
        outcome: z.literal('warn'),
        accepted: z.literal(true).optional().describe('AUTH_ACCEPTED_WARNINGS names the check'),
      }),
      z.object({ ...flaw, outcome: z.literal('fail') }),
    ]),
  ),
});

/** The JSON Schema (2020-12) of a {@link Report}. Allows members that it doesn't know. */
export function reportSchema(): object {
  return z.toJSONSchema(report, { io: 'input' });
}
