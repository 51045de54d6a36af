import type { RequestListener } from 'node:http';
import { loadOnce } from '../loading/load-once.js';
import type { IssuerOptions } from '../verifier/trusted-issuers/options.js';
import { createForge, type Forge } from './forge/forge.js';
import { createIssuerEndpoints, type FetchCounts, type Outage } from './issuer-endpoints.js';
import { createMinter, type JsonObject } from './minter.js';
import { createKeyLender, type SigningKey, type TestAlgorithm } from './signing-keys.js';
import type { JsonWebKey } from '../verifier/keys/json-web-key.js';

export interface TestIssuerOptions {
  /** `iss` of its tokens, and the base of its URLs. @defaultValue `'https://issuer.test'` */
  readonly issuer?: string;
  /** `aud` of its tokens. @defaultValue `'https://api.test'` */
  readonly audience?: string;
  /** What it signs with. @defaultValue `'RS256'` */
  readonly algorithm?: TestAlgorithm;
  /**
   * Profile in `policy`. With `jwt`, `forge` leaves out the tokens that only `rfc9068` refuses
   * (`typ: JWT`, no `typ`, missing `jti` …). @defaultValue `'rfc9068'`
   */
  readonly profile?: 'rfc9068' | 'jwt';
  /** The clock, in milliseconds since 1970. Give the verifier the same one. @defaultValue `Date.now` */
  readonly now?: () => number;
}

/**
 * An authorization server for tests: signs tokens, publishes keys, rotates, breaks down, and forges.
 * Needs no network; `fetch` plays its endpoints in process.
 */
export interface TestIssuer {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithm: TestAlgorithm;
  readonly jwksUri: string;
  /** `kid` of the key that signs now. For HS256 a label for `withdraw`; such tokens carry no `kid`. */
  readonly kid: string;
  /**
   * What a verifier needs: `createVerifier({ issuers: issuer.policy })`. Keys come through `fetch`; for
   * HS256 they are the secrets of this moment, so read it again after `rotate` or `withdraw`.
   */
  readonly policy: IssuerOptions;
  /**
   * Serves `/.well-known/openid-configuration` and `jwksUri` as the real endpoints would. A request to another
   * origin fails as for an unknown host.
   */
  readonly fetch: typeof fetch;
  /** The same over HTTP. Give `createTestIssuer` the server's origin as `issuer`, then `server.on('request', issuer.handler)`. */
  readonly handler: RequestListener;
  /** Requests so far, each counted when it arrives, outage or not. */
  readonly fetchCounts: FetchCounts;
  /** The published JWK Set (RFC 7517 §5), a fresh copy. Empty for HS256. */
  jwks(): { keys: JsonWebKey[] };
  /**
   * A valid access token (RFC 9068 §2): `iss`, `aud`, `sub: 'user-1'`, `client_id`, `iat`, `exp` in 15
   * minutes, a new `jti`. Given claims and header members replace these; undefined removes one.
   */
  mint(claims?: JsonObject, header?: JsonObject): Promise<string>;
  /** Like `mint`, at once. */
  mintSync(claims?: JsonObject, header?: JsonObject): string;
  /** Signs with a new key from now on. Resolves with its `kid`. Old keys stay published unless `keepOld` is false. */
  rotate(options?: { readonly keepOld?: boolean }): Promise<string>;
  /** Takes a key out of the published set. Still signs with it if it is the current one. Throws for an unknown `kid`. */
  withdraw(kid: string): void;
  /** Breaks the endpoints until `comeUp()`. @defaultValue `'status-503'` */
  goDown(outage?: Outage): void;
  comeUp(): void;
  /** Tokens that a correct verifier refuses, by family of attack. */
  readonly forge: Forge;
}

/**
 * Creates an issuer with one key.
 *
 * @example
 * const issuer = await createTestIssuer();
 * const verifier = createVerifier({ issuers: issuer.policy });
 * await verifier.verify(await issuer.mint({ scope: 'reports:read' }));
 */
export async function createTestIssuer(options: TestIssuerOptions = {}): Promise<TestIssuer> {
  const { issuer = 'https://issuer.test', audience = 'https://api.test' } = options;
  const { algorithm = 'RS256', profile = 'rfc9068', now = Date.now } = options;
  const base = issuer.replace(/\/$/, '');
  const jwksUri = `${base}/jwks.json`;
  const discoveryUri = `${base}/.well-known/openid-configuration`;
  const lend = createKeyLender(algorithm);
  const attacker = loadOnce(lend);
  let current = await lend();
  let accepted: readonly SigningKey[] = [current];

  const jwks = () => ({ keys: accepted.flatMap(publicJwk) });
  const endpoints = createIssuerEndpoints({ issuer, discoveryUri, jwksUri, algorithm, jwks });
  const minter = createMinter({
    ...{ issuer, audience, algorithm, profile, now },
    key: () => current,
    foreignKey: attacker,
  });
  const keys = (): IssuerOptions['keys'] =>
    algorithm === 'HS256'
      ? { secret: accepted.flatMap(({ secret }) => secret ?? []) }
      : { jwksUri, fetch: endpoints.fetch };

  return {
    ...{ issuer, audience, algorithm, jwksUri, jwks },
    fetch: endpoints.fetch,
    handler: endpoints.handler,
    forge: createForge(minter),
    comeUp: () => endpoints.comeUp(),
    goDown: (outage = 'status-503') => endpoints.goDown(outage),
    get kid() {
      return current.kid;
    },
    get policy() {
      return Object.freeze({ issuer, audience, keys: keys(), algorithms: [algorithm], profile });
    },
    get fetchCounts() {
      return endpoints.counts();
    },
    mint: async (claims, header) => minter.token(claims, header),
    mintSync: (claims, header) => minter.token(claims, header),
    async rotate({ keepOld = true } = {}) {
      current = await lend();
      accepted = keepOld ? [...accepted, current] : [current];
      return current.kid;
    },
    withdraw(kid) {
      if (!accepted.some((key) => key.kid === kid))
        throw new TypeError(`withdraw() knows no key ${JSON.stringify(kid)}; see issuer.kid`);
      accepted = accepted.filter((key) => key.kid !== kid);
    },
  };
}

function publicJwk({ published }: SigningKey): JsonWebKey[] {
  return published ? [{ ...published.jwk }] : [];
}
