import { X509Certificate } from 'node:crypto';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import type { AuthError } from '../../lib/errors.js';
import {
  createTestIssuer,
  type Forge,
  type ForgedToken,
  type TestIssuer,
} from '../../lib/testing/index.js';
import { createVerifier } from '../../lib/verifier/verifier.js';
import { hasRightSignature } from './has-right-signature.js';

type Family = keyof Forge;

const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519', 'HS256'] as const;

/** Families whose tokens the issuer's key signed as they stand: only what the title says is wrong. */
const rightlySigned = [
  'keyIds',
  'types',
  'malformedJson',
  'issuers',
  'audiences',
  'expiries',
  'times',
  'claimCase',
  'subjects',
  'missingClaims',
  'otherKinds',
  'senderConstrained',
  'scopes',
  'protoClaims',
] as const satisfies readonly Family[];

const flawedSignature = [
  'hmacWithPublicKey',
  'zeroSignature',
  'derSignature',
  'foreignKey',
  'headerKey',
] as const satisfies readonly Family[];

/** Titles of the tokens of which the statement does not hold. */
async function titlesNot(
  forged: readonly ForgedToken[],
  holds: (token: string) => boolean | Promise<boolean>,
): Promise<readonly string[]> {
  const titles: string[] = [];
  for (const { title, token } of forged) if (!(await holds(token))) titles.push(title);
  return titles;
}

function passesJose(issuer: TestIssuer, token: string): Promise<boolean> {
  const { keys } = issuer.policy;
  const options = {
    issuer: issuer.issuer,
    audience: issuer.audience,
    typ: 'at+jwt',
    algorithms: [issuer.algorithm],
    requiredClaims: ['exp', 'sub'],
  };
  const verified =
    'secret' in keys && keys.secret[0] instanceof Uint8Array
      ? jwtVerify(token, keys.secret[0], options)
      : jwtVerify(token, createLocalJWKSet(issuer.jwks()), options);
  return verified.then(
    () => true,
    () => false,
  );
}

/** Answers whether the text is three segments of base64url as RFC 7515 §2 writes them. */
function isCanonical(token: string): boolean {
  const segments = token.split('.');
  const isPlain = (segment: string) =>
    Buffer.from(segment, 'base64url').toString('base64url') === segment;
  return segments.length === 3 && segments.every(isPlain);
}

describe.each(algorithms)('forge with %s', (algorithm) => {
  it.each(['rfc9068', 'jwt'] as const)(
    'makes tokens that the verifier refuses to the last one, under the profile %s',
    async (profile) => {
      const issuer = await createTestIssuer({ algorithm, profile });
      const verifier = createVerifier({ issuers: issuer.policy });
      await expect(verifier.verify(await issuer.mint())).resolves.toBeDefined();
      const forged = await issuer.forge.all();
      const isRefused = (token: string) =>
        verifier.verify(token).then(
          () => false,
          ({ status }: AuthError) => status === 401,
        );
      expect(await titlesNot(forged, isRefused)).toEqual([]);
      expect(issuer.fetchCounts.other).toBe(0);
    },
  );

  it.each(rightlySigned)('signs %s with the right key', async (family) => {
    const issuer = await createTestIssuer({ algorithm });
    const forged = await issuer.forge[family]();
    expect(forged).not.toHaveLength(0);
    const isSigned = (token: string) => hasRightSignature(issuer, token, algorithm);
    expect(await titlesNot(forged, isSigned)).toEqual([]);
  });

  it.each(flawedSignature)('signs %s wrongly', async (family) => {
    const issuer = await createTestIssuer({ algorithm });
    const isUnsigned = (token: string) => !hasRightSignature(issuer, token, algorithm);
    expect(await titlesNot(await issuer.forge[family](), isUnsigned)).toEqual([]);
  });

  it.each([
    'algNone',
    'hmacWithPublicKey',
    'otherAlgorithm',
    'zeroSignature',
    'derSignature',
    'wrongLengthSignature',
    'foreignKey',
    'headerKey',
    'encryptedShapes',
    'issuers',
  ] as const)('makes %s that an independent library refuses too', async (family) => {
    const issuer = await createTestIssuer({ algorithm });
    const isRefused = async (token: string) => !(await passesJose(issuer, token));
    expect(await isRefused(await issuer.mint())).toBe(false);
    expect(await titlesNot(await issuer.forge[family](), isRefused)).toEqual([]);
  });

  it('gives every token another title', async () => {
    const issuer = await createTestIssuer({ algorithm });
    const titles = (await issuer.forge.all()).map(({ title }) => title);
    expect(new Set(titles).size).toBe(titles.length);
    expect(titles.filter((title) => !/^[A-H]\d+ /.test(title))).toEqual([]);
  });

  it('makes no token of the same bytes as a valid one', async () => {
    const issuer = await createTestIssuer({ algorithm });
    const isRespelled = async (token: string) =>
      !(isCanonical(token) && (await passesJose(issuer, token)));
    expect(await titlesNot(await issuer.forge.encodings(), isRespelled)).toEqual([]);
  });
});

describe('forge', () => {
  it('claims what only the title says', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA', now: () => Date.UTC(2030, 0, 1) });
    const { jti: _, ...valid } = decodeJwt(await issuer.mint());
    const flaws = { issuers: 'iss', audiences: 'aud', subjects: 'sub' } as const;
    for (const [family, name] of Object.entries(flaws) as ['issuers', 'iss'][])
      for (const { token } of await issuer.forge[family]()) {
        const { jti: __, ...claims } = decodeJwt(token);
        expect({ ...claims, [name]: valid[name] }).toEqual(valid);
        expect(claims[name]).not.toEqual(valid[name]);
      }
  });

  it('measures time by the clock of the issuer', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA', now: () => Date.UTC(2040, 0, 1) });
    const [hourAgo] = await issuer.forge.expiries();
    expect(decodeJwt(hourAgo?.token ?? '').exp).toBe(Date.UTC(2040, 0, 1) / 1000 - 3600);
  });

  it('puts the given address into the header', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    const headers = (await issuer.forge.headerKey('https://evil.test/keys')).map(({ token }) =>
      decodeProtectedHeader(token),
    );
    expect(headers.some(({ jku }) => jku === 'https://evil.test/keys')).toBe(true);
    expect(headers.some(({ x5u }) => x5u === 'https://evil.test/keys')).toBe(true);
  });

  it.each(['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519'] as const)(
    'offers a real self-signed certificate with %s',
    async (algorithm) => {
      const issuer = await createTestIssuer({ algorithm });
      const chains = (await issuer.forge.headerKey()).flatMap(
        ({ token }) => decodeProtectedHeader(token).x5c ?? [],
      );
      expect(chains).not.toHaveLength(0);
      const certificate = new X509Certificate(Buffer.from(chains[0] ?? '', 'base64'));
      expect(certificate.verify(certificate.publicKey)).toBe(true);
      expect(certificate.subject).toBe('CN=attacker.test');
    },
  );

  it('leaves out what makes no sense for a secret', async () => {
    const { forge } = await createTestIssuer({ algorithm: 'HS256' });
    expect(await forge.hmacWithPublicKey()).toEqual([]);
    expect(await forge.derSignature()).toEqual([]);
  });

  it('leaves out what the profile jwt accepts', async () => {
    const { forge } = await createTestIssuer({ algorithm: 'EdDSA', profile: 'jwt' });
    const titles = (await forge.all()).map(({ title }) => title);
    expect(titles).not.toContain('B4 no typ');
    expect(await forge.missingClaims()).toEqual([]);
  });

  it('makes scopes that are valid tokens and do not grant the scope', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    const verifier = createVerifier({ issuers: issuer.policy });
    const grantsNot = async (token: string) =>
      !(await verifier.verify(token)).scopes.has('reports:read');
    expect(await titlesNot(await issuer.forge.scopes('reports:read'), grantsNot)).toEqual([]);
  });

  it('carries prototype claims as own members that the signature covers', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    const [first] = await issuer.forge.protoClaims();
    const payload = Buffer.from(first?.token.split('.')[1] ?? '', 'base64url').toString();
    expect(payload).toContain('"__proto__":{"admin":true');
  });
});
