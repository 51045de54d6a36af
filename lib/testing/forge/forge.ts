import type { Minter } from '../minter.js';
import * as algorithms from './algorithms.js';
import * as claims from './claims.js';
import { encodings, oversized } from './encodings.js';
import type { ForgedToken, Forgery } from './forged-token.js';
import * as headers from './headers.js';
import { malformedJson } from './malformed-json.js';
import { otherKinds } from './other-kinds.js';

/**
 * Tokens made for attacks, each perfectly valid but for the flaw in its title, and signed with the right
 * key unless the signature is the flaw. Every call makes fresh ones.
 */
export interface Forge {
  /** A1: `alg` none in every spelling, missing, or no string. */
  readonly algNone: Forgery;
  /** A2: HMACs keyed with the public key. Empty for HS256. */
  readonly hmacWithPublicKey: Forgery;
  /** A6: another algorithm than the policy's, with the right key. */
  readonly otherAlgorithm: Forgery;
  /** A9: signatures that need no key. */
  readonly zeroSignature: Forgery;
  /** A9: ECDSA in DER. Empty but for ES256. */
  readonly derSignature: Forgery;
  /** A9: signatures too short or too long. */
  readonly wrongLengthSignature: Forgery;
  /** E9: signed with another key of the same kind. */
  readonly foreignKey: Forgery;
  /**
   * B1: `jwk`, `jku`, `x5u`, `x5c` that offer the attacker's key. `url` is where `jku` and `x5u` point.
   * @defaultValue an address of cloud metadata
   */
  readonly headerKey: (url?: string) => Promise<readonly ForgedToken[]>;
  /** B2: hostile `kid`. For HS256 only those that are no short string. */
  readonly keyIds: Forgery;
  /** B3: `crit` and `b64`. */
  readonly critical: Forgery;
  /** B4: wrong `typ`. */
  readonly types: Forgery;
  /** B5, B6: JWEs and nested tokens. */
  readonly encryptedShapes: Forgery;
  /** C1: more than 16 kB, or thousands of dots. */
  readonly oversized: Forgery;
  /** C2: other spellings and shapes. Some cannot be sent in a header (NUL, newline). */
  readonly encodings: Forgery;
  /** C3: header or payload that is not exactly one JSON object, with duplicate members, or too deep. */
  readonly malformedJson: Forgery;
  /** D1: wrong `iss`. */
  readonly issuers: Forgery;
  /** D2: wrong `aud`. */
  readonly audiences: Forgery;
  /** D3: wrong or past `exp`; at least 301 s past, beyond every tolerance. */
  readonly expiries: Forgery;
  /** D4: wrong `nbf` or `iat`. */
  readonly times: Forgery;
  /** D5: names in the wrong case. */
  readonly claimCase: Forgery;
  /** D9: wrong `sub`. */
  readonly subjects: Forgery;
  /** RFC 9068 §2.2: `iat`, `jti` or `client_id` missing. Empty for the profile `jwt`. */
  readonly missingClaims: Forgery;
  /** D10: ID, refresh and log-out tokens, DPoP proofs, request objects. */
  readonly otherKinds: Forgery;
  /** H7: bound by `cnf`, but sent as a bearer token. */
  readonly senderConstrained: Forgery;
  /**
   * D6, D7: **valid** tokens that do not grant the scope; not in `all()`. A guard for that scope refuses
   * them. @defaultValue `'read'`
   */
  readonly scopes: (scope?: string) => Promise<readonly ForgedToken[]>;
  /**
   * C4: **valid** tokens with `__proto__`, `constructor` and the like; not in `all()`. Accept or refuse,
   * but let no inherited property appear.
   */
  readonly protoClaims: Forgery;
  /** Every family whose tokens a correct verifier refuses. */
  readonly all: Forgery;
}

export function createForge(minter: Minter): Forge {
  const family =
    (make: (minter: Minter) => readonly ForgedToken[] | Promise<readonly ForgedToken[]>): Forgery =>
    async () =>
      make(minter);
  const refused = {
    algNone: family(algorithms.algNone),
    hmacWithPublicKey: family(algorithms.hmacWithPublicKey),
    otherAlgorithm: family(algorithms.otherAlgorithm),
    zeroSignature: family(algorithms.zeroSignature),
    derSignature: family(algorithms.derSignature),
    wrongLengthSignature: family(algorithms.wrongLengthSignature),
    foreignKey: family(algorithms.foreignKey),
    headerKey: (url: string = headers.ATTACKER_URL) => headers.headerKey(minter, url),
    keyIds: family(headers.keyIds),
    critical: family(headers.critical),
    types: family(headers.types),
    encryptedShapes: family(headers.encryptedShapes),
    oversized: family(oversized),
    encodings: family(encodings),
    malformedJson: family(malformedJson),
    issuers: family(claims.issuers),
    audiences: family(claims.audiences),
    expiries: family(claims.expiries),
    times: family(claims.times),
    claimCase: family(claims.claimCase),
    subjects: family(claims.subjects),
    missingClaims: family(claims.missingClaims),
    otherKinds: family(otherKinds),
    senderConstrained: family(claims.senderConstrained),
  };
  return {
    ...refused,
    scopes: async (scope = 'read') => claims.scopes(minter, scope),
    protoClaims: family(claims.protoClaims),
    async all() {
      const families = await Promise.all(Object.values(refused).map((forge) => forge()));
      return families.flat();
    },
  };
}
