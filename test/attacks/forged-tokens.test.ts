import { inspect } from 'node:util';
import { AuthError, createVerifier } from 'latchkey';
import { createTestIssuer, type TestAlgorithm, type TestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createEventLog } from '../world/event-log.js';

const algorithms: readonly TestAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'];
const profiles = ['rfc9068', 'jwt'] as const;
const worlds = algorithms.flatMap((algorithm) =>
  profiles.map((profile) => ({ algorithm, profile })),
);

/** What only a correctly signed token can be refused for; with them every family of A to D is named. */
const families = [
  'algNone',
  'hmacWithPublicKey',
  'otherAlgorithm',
  'zeroSignature',
  'derSignature',
  'wrongLengthSignature',
  'foreignKey',
  'headerKey',
  'keyIds',
  'critical',
  'types',
  'encryptedShapes',
  'oversized',
  'encodings',
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
] as const satisfies readonly (keyof TestIssuer['forge'])[];

describe.each(worlds)(
  'attacks A to D on an issuer of $algorithm under the profile $profile',
  (world) => {
    it('control: a good token passes', async () => {
      const issuer = await createTestIssuer(world);
      const verifier = createVerifier({ issuers: issuer.policy });
      await expect(verifier.verify(await issuer.mint())).resolves.toMatchObject({
        subject: 'user-1',
      });
    });

    it.each(families)(
      'every token of the family %s is refused with 401 and leaves no trace',
      async (family) => {
        const issuer = await createTestIssuer(world);
        const events = createEventLog();
        const verifier = createVerifier({ issuers: issuer.policy, events });
        await verifier.ready();
        const accepted: string[] = [];
        const forged = await issuer.forge[family]();
        for (const { title, token } of forged) {
          const outcome: unknown = await verifier.verify(token).catch((error: unknown) => error);
          if (!(outcome instanceof AuthError) || outcome.status !== 401) accepted.push(title);
          // The signature alone would do as evidence that the token leaked.
          const longest = token.split('.').reduce((a, b) => (a.length > b.length ? a : b), '');
          if (longest.length > 20 && inspect(outcome).includes(longest))
            accepted.push(`${title} (leaks)`);
        }
        expect(accepted).toEqual([]);
        // A token that is bound to a key is a good one, only not for this sender.
        const good = family === 'senderConstrained' ? forged.length : 0;
        expect(verifier.counters().cachedTokens).toBe(good);
        // The first load and one look for a key id that is not ours; nothing a token says is ever fetched.
        expect(issuer.fetchCounts.discovery).toBe(0);
        expect(issuer.fetchCounts.jwks).toBeLessThanOrEqual(2);
      },
    );

    it('B1 keys and addresses in the header are ignored: nothing is fetched', async () => {
      const issuer = await createTestIssuer(world);
      const fetched: string[] = [];
      const keys =
        world.algorithm === 'HS256'
          ? issuer.policy.keys
          : {
              jwksUri: issuer.jwksUri,
              fetch: async (input: string | URL | Request) => {
                fetched.push(input instanceof Request ? input.url : input.toString());
                return issuer.fetch(input);
              },
            };
      const verifier = createVerifier({ issuers: { ...issuer.policy, keys } });
      await verifier.ready();
      for (const { token } of await issuer.forge.headerKey())
        await expect(verifier.verify(token)).rejects.toMatchObject({ status: 401 });
      expect(fetched.filter((url) => url !== issuer.jwksUri)).toEqual([]);
    });

    it('C4 claims named __proto__ and constructor add no inherited property anywhere', async () => {
      const issuer = await createTestIssuer(world);
      const verifier = createVerifier({
        issuers: {
          ...issuer.policy,
          claims: { attributes: ['attributes', '__proto__', 'constructor'] },
        },
      });
      for (const { token } of await issuer.forge.protoClaims()) {
        const principal = await verifier.verify(token).catch(() => undefined);
        if (!principal) continue;
        const copies = [principal.claims, principal.user, principal.user.attributes].map((part) =>
          Object.assign({}, structuredClone(part)),
        );
        for (const copy of copies) {
          expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
          expect(copy).not.toHaveProperty('isAdmin');
          expect(copy).not.toHaveProperty('admin');
        }
      }
      expect(Object.keys(Object.prototype)).toEqual([]);
    });
  },
);

describe('B4 spellings of at+jwt', () => {
  it.each(['at+jwt', 'AT+JWT', 'application/at+jwt', 'Application/AT+JWT'])(
    '%s is accepted under rfc9068',
    async (typ) => {
      const issuer = await createTestIssuer({ algorithm: 'ES256' });
      const verifier = createVerifier({ issuers: issuer.policy });
      await verifier.verify(await issuer.mint({}, { typ }));
    },
  );

  it.each([{ typ: 'JWT' }, { typ: 'jwt' }, { typ: undefined }])(
    '$typ is accepted under the profile jwt only',
    async (header) => {
      const issuer = await createTestIssuer({ algorithm: 'ES256' });
      const token = await issuer.mint({}, header);
      await createVerifier({ issuers: { ...issuer.policy, profile: 'jwt' } }).verify(token);
      const strict = createVerifier({ issuers: issuer.policy });
      await expect(strict.verify(token)).rejects.toMatchObject({ code: 'INVALID_TOKEN' });
    },
  );
});

describe('D3 exp at its limits', () => {
  it.each([
    { offset: 1, verdict: 'accepted' },
    { offset: 0, verdict: 'accepted' },
    { offset: -4, verdict: 'accepted' },
    { offset: -5, verdict: 'TOKEN_EXPIRED' },
    { offset: -6, verdict: 'TOKEN_EXPIRED' },
  ])('exp at now $offset s, with 5 s tolerance: $verdict', async ({ offset, verdict }) => {
    const now = () => 1_800_000_000_000;
    const issuer = await createTestIssuer({ algorithm: 'ES256', now });
    const verifier = createVerifier({ issuers: issuer.policy, now });
    const token = await issuer.mint({ exp: 1_800_000_000 + offset, iat: 1_799_999_000 });
    const outcome = await verifier.verify(token).then(
      () => 'accepted',
      ({ code }: AuthError) => code,
    );
    expect(outcome).toBe(verdict);
  });

  it('0 tolerance means 0', async () => {
    const now = () => 1_800_000_000_000;
    const issuer = await createTestIssuer({ algorithm: 'ES256', now });
    const verifier = createVerifier({
      issuers: { ...issuer.policy, clockToleranceSeconds: 0 },
      now,
    });
    await verifier.verify(await issuer.mint({ exp: 1_800_000_001 }));
    await expect(verifier.verify(await issuer.mint({ exp: 1_800_000_000 }))).rejects.toMatchObject({
      code: 'TOKEN_EXPIRED',
    });
  });
});

describe('D2 aud', () => {
  it.each([
    { title: 'a list with ours', aud: ['https://other.test', 'https://api.test'], passes: true },
    { title: 'a list without ours', aud: ['https://other.test'], passes: false },
    { title: 'a list with ours and a number', aud: ['https://api.test', 7], passes: false },
  ])('$title: accepted $passes', async ({ aud, passes }) => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const verdict = await createVerifier({ issuers: issuer.policy })
      .verify(await issuer.mint({ aud }))
      .then(
        () => 'accepted',
        ({ reason }: AuthError) => reason,
      );
    expect(verdict).toBe(passes ? 'accepted' : 'audience');
  });

  it('audience null takes any, and only when it is written', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt' });
    const verifier = createVerifier({ issuers: { ...issuer.policy, audience: null } });
    await verifier.verify(await issuer.mint({ aud: undefined }));
    const forgotten = { ...issuer.policy, audience: undefined as unknown as null };
    expect(() => createVerifier({ issuers: forgotten })).toThrow(/audience/);
  });
});

describe('A9 a signature without its leading zero', () => {
  it.each(['RS256', 'PS256'] as const)(
    '%s: is not the same signature, though its number is',
    async (algorithm) => {
      const issuer = await createTestIssuer({ algorithm });
      const verifier = createVerifier({ issuers: issuer.policy });
      const signatureOf = (token: string) => Buffer.from(token.split('.')[2] ?? '', 'base64url');
      let token = issuer.mintSync();
      for (let tries = 0; signatureOf(token)[0] !== 0 && tries < 10_000; tries += 1)
        token = issuer.mintSync();
      expect(signatureOf(token)[0]).toBe(0);
      const cut = token.lastIndexOf('.') + 1;
      const shortened = token.slice(0, cut) + signatureOf(token).subarray(1).toString('base64url');
      await expect(verifier.verify(shortened)).rejects.toMatchObject({ reason: 'signature' });
      await verifier.verify(token);
    },
  );
});
