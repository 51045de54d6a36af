import { randomUUID } from 'node:crypto';
import type { SigningKey, TestAlgorithm } from './signing-keys.js';

/** Members of a token's header or payload. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** A header or payload as it goes on the wire: members, or exact bytes that need not be JSON. */
export type Segment = JsonObject | string | Uint8Array;

/** Seconds that a minted token lives. */
const TOKEN_LIFETIME_SECONDS = 900;

/** Builds an issuer's tokens, perfect or with one named flaw. */
export interface Minter {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithm: TestAlgorithm;
  readonly profile: 'rfc9068' | 'jwt';
  nowSeconds(): number;
  /** The key that signs now. */
  key(): SigningKey;
  /** A key of the same kind that the issuer neither holds nor publishes: the attacker's, always the same. */
  foreignKey(): Promise<SigningKey>;
  /** Header of a valid token with the given changes; undefined removes a member. */
  header(changes?: JsonObject): JsonObject;
  /** Payload of a valid token with the given changes; undefined removes a claim. */
  claims(changes?: JsonObject): JsonObject;
  /** A token that is valid but for the given changes. */
  token(claims?: JsonObject, header?: JsonObject): string;
  /** Signs the segments exactly as given, with the current key unless another signer is named. */
  signed(header: Segment, payload: Segment, sign?: (input: string) => Uint8Array): string;
}

export interface MinterOptions extends Pick<
  Minter,
  'issuer' | 'audience' | 'algorithm' | 'profile' | 'key' | 'foreignKey'
> {
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createMinter({ now, ...options }: MinterOptions): Minter {
  const nowSeconds = () => Math.floor(now() / 1000);
  const header = (changes: JsonObject = {}) => {
    const { algorithm, kid, published } = options.key();
    return withChanges({ alg: algorithm, typ: 'at+jwt', ...(published && { kid }) }, changes);
  };
  const claims = (changes: JsonObject = {}) =>
    withChanges(
      {
        iss: options.issuer,
        aud: options.audience,
        sub: 'user-1',
        client_id: 'client-1',
        iat: nowSeconds(),
        exp: nowSeconds() + TOKEN_LIFETIME_SECONDS,
        jti: randomUUID(),
      },
      changes,
    );
  const signed: Minter['signed'] = (head, payload, sign = (input) => options.key().sign(input)) => {
    const input = `${encodeSegment(head)}.${encodeSegment(payload)}`;
    return `${input}.${encodeSegment(sign(input))}`;
  };
  return {
    ...options,
    nowSeconds,
    header,
    claims,
    signed,
    token: (claimChanges, headerChanges) => signed(header(headerChanges), claims(claimChanges)),
  };
}

/** base64url without padding (RFC 7515 §2) of the bytes, the text or the members as JSON. */
export function encodeSegment(segment: Segment): string {
  if (segment instanceof Uint8Array) return Buffer.from(segment).toString('base64url');
  const text = typeof segment === 'string' ? segment : JSON.stringify(segment);
  return Buffer.from(text).toString('base64url');
}

function withChanges(members: JsonObject, changes: JsonObject): JsonObject {
  return Object.fromEntries(
    Object.entries({ ...members, ...changes }).filter(([, value]) => value !== undefined),
  );
}
