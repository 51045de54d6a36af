import { createHash } from 'node:crypto';
import type { OnceStore } from '../stores/store.js';
import { judgeAnyHeader } from '../verifier/tokens/rules.js';
import { decodeJsonObject, hasTokenShape } from '../verifier/tokens/shape.js';
import { type ClientKeySet, clientKeySet } from './client-keys.js';
import type { ClientVerdict } from './client-secrets.js';
import { type AccountContext, findAccount } from './stored-accounts.js';

/** A client's assertion whose form and claims are as they should be. Its signature has not been looked at. */
interface ClientAssertion {
  /** `iss` and `sub`. */
  readonly clientId: string;
  /** `jti` */
  readonly id: string;
  /** Until when the same assertion would be accepted again. Milliseconds since 1970. */
  readonly endsAt: number;
  readonly header: Readonly<Record<string, unknown>>;
  readonly signingInput: string;
  readonly signature: Buffer;
}

interface AssertionRules {
  /** What `aud` may be: exactly one of these. */
  readonly audiences: readonly string[];
  /** Clock difference that is forgiven, in seconds. */
  readonly toleranceSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Longest assertion that is read, in characters. */
const MAX_LENGTH = 8192;

/** The latest end that an assertion may have. It is made for one request. */
const MOST_SECONDS = 300;

const MAX_ID_LENGTH = 256;

/**
 * Reads an assertion: `iss` and `sub` are the client, `aud` is us alone, `exp` is at most five minutes ahead, and there is a `jti`.
 * Returns what is wrong, in one word, for any other text. Does not look at the signature.
 */
function readAssertion(text: string, rules: AssertionRules): ClientAssertion | string {
  if (!hasTokenShape(text, MAX_LENGTH)) return 'assertion_malformed';
  const [headerText = '', payloadText = '', signatureText = ''] = text.split('.');
  const header = decodeJsonObject(headerText);
  const claims = decodeJsonObject(payloadText);
  if (!header || !claims || judgeAnyHeader(header) !== undefined) return 'assertion_malformed';
  if (!isAssertionType(header['typ'])) return 'assertion_type';
  const { iss, sub, aud, jti, exp } = claims;
  if (typeof sub !== 'string' || iss !== sub) return 'assertion_subject';
  if (!isForUs(aud, rules.audiences)) return 'assertion_audience';
  if (typeof jti !== 'string' || jti === '' || jti.length > MAX_ID_LENGTH) return 'assertion_id';
  if (typeof exp !== 'number' || !areTimesGood(claims, rules)) return 'assertion_times';
  return {
    clientId: sub,
    id: jti,
    endsAt: (exp + rules.toleranceSeconds) * 1000,
    header,
    signingInput: `${headerText}.${payloadText}`,
    signature: Buffer.from(signatureText, 'base64url'),
  };
}

/** A token that was signed for another purpose is no assertion. The draft that revises RFC 7523 has a type of its own for them. */
function isAssertionType(typ: unknown): boolean {
  if (typ === undefined) return true;
  return (
    typeof typ === 'string' && /^(?:application\/)?(?:client-authentication\+)?jwt$/i.test(typ)
  );
}

/** One audience only: with several, one of the others could use the assertion here. */
function isForUs(aud: unknown, audiences: readonly string[]): boolean {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  const [audience] = named;
  return named.length === 1 && typeof audience === 'string' && audiences.includes(audience);
}

function areTimesGood(
  { exp, nbf, iat }: Readonly<Record<string, unknown>>,
  { now, toleranceSeconds }: AssertionRules,
): boolean {
  const seconds = now / 1000;
  const hasBegun = (time: unknown): boolean =>
    time === undefined || (typeof time === 'number' && time <= seconds + toleranceSeconds);
  return (
    typeof exp === 'number' &&
    seconds < exp + toleranceSeconds &&
    exp <= seconds + MOST_SECONDS + toleranceSeconds &&
    hasBegun(nbf) &&
    hasBegun(iat)
  );
}

/**
 * Judges a client by its assertion (RFC 7523 §3): form and claims first, which cost nothing, then the signature by the keys that its
 * account is registered with, then whether it was used before. Of several requests with one assertion one succeeds.
 */
export async function judgeAssertion(
  { once, ...context }: AccountContext & { readonly once: OnceStore },
  text: string,
  rules: AssertionRules & {
    /** `client_id` of the request, where it has one. */
    readonly clientId: string | undefined;
  },
): Promise<ClientVerdict> {
  const assertion = readAssertion(text, rules);
  if (typeof assertion === 'string') return { reason: assertion, accountId: undefined };
  const { clientId } = assertion;
  if (rules.clientId !== undefined && rules.clientId !== clientId)
    return { reason: 'assertion_subject', accountId: undefined };
  const found = await findAccount(context, clientId);
  if (!found) return { reason: 'unknown_client', accountId: undefined };
  const { account } = found;
  const refuse = (reason: string): ClientVerdict => ({ reason, accountId: account.id });
  if (!account.jwks) return refuse('no_keys');
  if (!isSignedBy(assertion, account.jwks)) return refuse('assertion_signature');
  if (account.disabled) return refuse('disabled');
  return (await useAssertion(once, assertion, rules.now))
    ? { account }
    : refuse('assertion_replayed');
}

function isSignedBy(
  { header, signingInput, signature }: ClientAssertion,
  keys: ClientKeySet,
): boolean {
  const kid = typeof header['kid'] === 'string' ? header['kid'] : undefined;
  return clientKeySet(keys)
    .candidates(kid, String(header['alg']))
    .some((key) => key.verifies(signingInput, signature));
}

/** Notes that an assertion was used. Of concurrent calls exactly one resolves to true. */
function useAssertion(
  once: OnceStore,
  { clientId, id, endsAt }: ClientAssertion,
  now: number,
): Promise<boolean> {
  const digest = createHash('sha256').update(id).digest('base64url');
  return once.add(`client-assertion:${clientId}:${digest}`, '1', { now, expiresAt: endsAt });
}
