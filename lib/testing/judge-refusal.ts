import type { RawAnswer } from './raw-request.js';

/** Returns what is wrong with the answer, or undefined. Never quotes it. */
export type Verdict = (answer: RawAnswer) => string | undefined;

export interface ExpectedRefusal {
  /** @defaultValue `[401]` */
  readonly statuses?: readonly number[];
  /** Texts that must not come back. Those under 16 characters may stand there by chance and are not looked for. */
  readonly secrets?: readonly string[];
  /** Whether the challenge may name an `error`; RFC 6750 §3.1 wants none for a request without a credential. */
  readonly withError?: boolean;
}

const MIN_SECRET_LENGTH = 16;

/** A frame of a stack, or a path of the installation. */
const STACK = /\bat .{0,200}:\d+:\d+|node_modules|file:\/\//;

/** Judges a refusal: status, Bearer challenge with a 401, and nothing that leaks. */
export function judgeRefusal(expected: ExpectedRefusal): Verdict {
  const { statuses = [401], secrets = [], withError = true } = expected;
  const telltales = secrets.filter(({ length }) => length >= MIN_SECRET_LENGTH);
  return (answer) => {
    const { status, text } = answer;
    if (!statuses.includes(status)) return `answered ${status} instead of ${statuses.join(' or ')}`;
    if (telltales.some((secret) => text.includes(secret)))
      return 'the answer holds the token or a part of it';
    if (STACK.test(text)) return 'the answer holds a stack trace';
    return status === 401 ? judgeChallenge(answer, withError) : undefined;
  };
}

function judgeChallenge(answer: RawAnswer, withError: boolean): string | undefined {
  const challenges = answer.header('WWW-Authenticate');
  const bearer = challenges.find((challenge) => /(?:^|,\s*)Bearer(?:\s|$)/i.test(challenge));
  if (bearer === undefined) return '401 without a "WWW-Authenticate: Bearer" challenge';
  if (!/^[\t\x20-\x7E]*$/.test(bearer)) return 'the challenge holds characters beyond ASCII';
  return !withError && /\berror=/.test(bearer)
    ? 'the challenge names an error though there was no credential'
    : undefined;
}

/** Accepts any success: the control that shows the target is a guard, not a wall. */
export function judgeAcceptance({ status }: RawAnswer): string | undefined {
  return status >= 200 && status < 300
    ? undefined
    : `answered ${status} to a valid token; are issuer, path and claims the target's?`;
}
