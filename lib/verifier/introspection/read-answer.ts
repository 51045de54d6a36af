import { isRecord } from '../../is-record.js';
import { KeyFetchError, type Reply } from '../keys/fetch.js';
import { findSigner } from '../keys/find-signer.js';
import { isDate, judgeAnyHeader, mediaTypeOf } from '../tokens/rules.js';
import { decodeJsonObject, hasTokenShape, parseJsonObject } from '../tokens/shape.js';
import type { IssuerPolicy } from '../trusted-issuers/policy.js';
import { SIGNED_ANSWER_TYPE } from './ask.js';

type Json = Readonly<Record<string, unknown>>;

/** What an issuer says about a token. Nothing of it is judged yet. */
export interface Answer {
  readonly members: Json;
  /** Whose signature the answer has, if it has one. */
  readonly key: { readonly withdrawn: boolean };
}

interface AnswerContext {
  readonly policy: IssuerPolicy;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Counts the signatures that are checked. */
  readonly counter: { signatureChecks: number };
}

/** Longest signed answer that is read, in characters. */
const MAX_SIGNED_LENGTH = 262_144;
/** How far the time of a signed answer may lie from ours, in seconds. */
const ANSWER_AGE_SECONDS = 60;
const UNSIGNED = Object.freeze({ withdrawn: false });

/**
 * Reads an answer: a JSON object (RFC 7662 §2.2), or one that the issuer has signed for us where the policy wants that
 * (RFC 9701 §5). Rejects with a KeyFetchError for anything else.
 */
export async function readAnswer(reply: Reply, context: AnswerContext): Promise<Answer> {
  if (context.policy.introspection?.signedResponses) return readSignedAnswer(reply, context);
  const members = parseJsonObject(reply.text);
  if (!members) throw new KeyFetchError('not_json', 'the answer is not a JSON object');
  return { members, key: UNSIGNED };
}

async function readSignedAnswer(reply: Reply, context: AnswerContext): Promise<Answer> {
  const token = reply.text.trim();
  const type = mediaTypeOf(reply.contentType.replace(/\s*;.*$/s, ''));
  if (type !== SIGNED_ANSWER_TYPE || !hasTokenShape(token, MAX_SIGNED_LENGTH))
    throw new KeyFetchError('not_signed', 'the answer is not a signed one');
  const [headerText = '', claimsText = ''] = token.split('.');
  const header = decodeJsonObject(headerText);
  const claims = decodeJsonObject(claimsText);
  if (!header || !claims || !isAnswerHeader(header, context.policy))
    throw new KeyFetchError('not_signed', 'the signed answer has another type or algorithm');
  const key = await findKey({ token, header, claims }, context);
  const members = claims['token_introspection'];
  if (!isRecord(members) || !isForUs(claims, context))
    throw new KeyFetchError('answer_claims', 'the signed answer is another one than we asked for');
  return { members, key };
}

function isAnswerHeader(header: Json, { algorithms }: IssuerPolicy): boolean {
  const { alg, typ } = header;
  return (
    judgeAnyHeader(header) === undefined &&
    algorithms.has(String(alg)) &&
    typeof typ === 'string' &&
    mediaTypeOf(typ) === SIGNED_ANSWER_TYPE
  );
}

interface SignedAnswer {
  readonly token: string;
  readonly header: Json;
  readonly claims: Json;
}

/** Rejects with KEYS_UNAVAILABLE while keys that may be new can't be fetched. */
async function findKey(answer: SignedAnswer, { policy: { keys }, counter }: AnswerContext) {
  const { alg, kid: named } = answer.header;
  const kid = typeof named === 'string' ? named : undefined;
  const candidates = () => keys.candidates(kid, String(alg));
  const isKnown = kid === undefined || candidates().some((key) => key.kid === kid);
  if (!isKnown) await keys.seek();
  const signer = findSigner(candidates(), answer, counter);
  if (typeof signer !== 'string') return signer;
  throw new KeyFetchError('signature', 'the signature of the answer is not the issuer’s');
}

/** Whether the issuer has said it, to us and now: RFC 9701 §5. */
function isForUs({ iss, aud, iat }: Json, { policy, now }: AnswerContext): boolean {
  const clientId = policy.introspection?.clientId;
  const tolerance = Math.max(ANSWER_AGE_SECONDS, policy.clockToleranceSeconds);
  return (
    typeof iss === 'string' &&
    policy.names.includes(iss) &&
    [aud].flat().includes(clientId) &&
    isDate(iat) &&
    Math.abs(now() / 1000 - iat) <= tolerance
  );
}
