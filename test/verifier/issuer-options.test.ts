import { createPublicKey, type KeyObject, randomBytes } from 'node:crypto';
import { createVerifier, type IssuerOptions } from 'latchkey';
import { createTestIssuer, type TestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import { refusalOf } from '../world/refusal-of.js';

const issuer = 'https://issuer.test';
const keys = { secret: randomBytes(64) };
const jwksUri = 'https://issuer.test/jwks';

/** Starts a verifier with these options, whatever the compiler would say to them. */
function start(options: object): () => unknown {
  const issuers = { issuer, audience: 'https://api.test', keys, ...options };
  return () => createVerifier({ issuers });
}

describe('the options of an issuer are refused at start-up', () => {
  const template = 'https://login.test/{tenantid}/v2.0';
  const refused: { options: object; message: RegExp }[] = [
    { options: { issuer: 5 }, message: /`issuer`/ },
    { options: { issuer: null }, message: /`issuer`/ },
    { options: { issuer: [issuer] }, message: /`issuer`/ },
    { options: { audience: undefined }, message: /audience: null/ },
    { options: { audience: ['https://api.test', ''] }, message: /`audience`/ },
    { options: { audience: ['https://api.test', 5] }, message: /`audience`/ },
    { options: { audience: {} }, message: /`audience`/ },
    { options: { audience: 5 }, message: /`audience`/ },
    { options: { clientIds: 'client' }, message: /`clientIds`/ },
    { options: { clientIds: ['client', ''] }, message: /`clientIds`/ },
    { options: { requiredClaims: [] }, message: /`requiredClaims`/ },
    { options: { requiredClaims: ['tid', null] }, message: /`requiredClaims`/ },
    { options: { issuer: template, tenants: [] }, message: /`tenants`/ },
    { options: { issuer: template, tenants: 'one' }, message: /`tenants`/ },
    { options: { issuer: template, tenants: ['one', 'a b'] }, message: /`tenants`/ },
    { options: { issuer: template, tenants: ['/one'] }, message: /`tenants`/ },
    { options: { issuer: template, tenants: ['one/'] }, message: /`tenants`/ },
    { options: { issuer: template, tenants: ['one\n'] }, message: /`tenants`/ },
    { options: { allowedOrgs: 'all' }, message: /`allowedOrgs`/ },
    { options: { allowedOrgs: '' }, message: /`allowedOrgs`/ },
    { options: { allowedOrgs: {} }, message: /`allowedOrgs`/ },
    { options: { allowedOrgs: [''] }, message: /`allowedOrgs`/ },
    { options: { allowedOrgs: ['one', 5] }, message: /`allowedOrgs`/ },
    { options: { algorithms: ['none'] }, message: /"none"/ },
    { options: { algorithms: ['HS256', 'toString'] }, message: /"toString"/ },
    { options: { algorithms: 'HS256' }, message: /`algorithms`/ },
    { options: { algorithms: ['RS256'] }, message: /public keys/ },
    { options: { algorithms: ['HS256', 'HS512'] }, message: /one algorithm/ },
    { options: { keys: { jwksUri }, algorithms: ['RS256', 'HS256'] }, message: /`secret`/ },
    { options: { keys: null }, message: /exactly one of/ },
    { options: { keys: 'secret' }, message: /exactly one of/ },
    { options: { keys: [] }, message: /exactly one of/ },
    { options: { keys: {} }, message: /exactly one of/ },
    { options: { keys: { ...keys, jwksUri } }, message: /exactly one of/ },
    { options: { keys: { secret: [] } }, message: /`secret`/ },
    { options: { keys: { publicKey: [] } }, message: /`publicKey`/ },
    { options: { keys: { jwks: null } }, message: /`jwks` is not a JWK Set/ },
    { options: { keys: { jwks: [] } }, message: /`jwks` is not a JWK Set/ },
    { options: { keys: { jwks: { keys: {} } } }, message: /`jwks` is not a JWK Set/ },
    { options: { keys: { jwks: { keys: [] } } }, message: /no public key usable/ },
    { options: { keys: { jwksUri, initial: null } }, message: /`initial` is not a JWK Set/ },
    { options: { keys: { jwksUri, initial: { keys: [] } } }, message: /`initial` has no public/ },
    { options: { keys: { jwksUri, secrets: [] } }, message: /secrets/ },
    { options: { keys: { jwksUri: 'http://issuer.test/jwks' } }, message: /http/ },
    { options: { profile: 'JWT' }, message: /`profile`/ },
    { options: { profile: null }, message: /`profile`/ },
    { options: { check: 'sub' }, message: /`check`/ },
    { options: { claims: 'toString' }, message: /"toString"/ },
    { options: { claims: { preset: 'unknown' } }, message: /"unknown"/ },
    { options: { claims: { role: 'roles' } }, message: /`role`/ },
    { options: { claims: { toString: 'roles' } }, message: /`toString`/ },
  ];

  it.each(refused)('$options: $message', ({ options, message }) => {
    expect(start(options)).toThrow(TypeError);
    expect(start(options)).toThrow(message);
  });

  it('with a message that names the issuer, and with the first error as its cause', () => {
    expect(start({ profile: 'JWT' })).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(/^issuer "https:\/\/issuer\.test": `profile`/),
        cause: expect.objectContaining({ message: expect.stringMatching(/^`profile`/) }),
      }),
    );
  });

  it('unless reading them fails for a reason of its own, which is passed on', () => {
    const failure = new RangeError('no such column');
    const options = {
      get profile() {
        throw failure;
      },
    };
    const issuers = Object.defineProperties(
      { issuer, audience: 'https://api.test', keys },
      Object.getOwnPropertyDescriptors(options),
    );
    expect(() => createVerifier({ issuers })).toThrow(failure);
  });
});

describe('a number in the options of an issuer', () => {
  const remote = (own: object) => ({ keys: { jwksUri, ...own } });
  it.each([
    { name: 'clockToleranceSeconds', range: [0, 300], place: (own: object) => own },
    { name: 'maxTokenAgeSeconds', range: [1, 31_536_000], place: (own: object) => own },
    { name: 'timeoutMs', range: [1, 60_000], place: remote },
    { name: 'cacheSeconds', range: [1, 86_400], place: remote },
    { name: 'staleSeconds', range: [0, 604_800], place: remote },
  ] as const)('$name lies within $range', ({ name, range: [min, max], place }) => {
    for (const value of [min, max])
      expect(start(place({ [name]: value })), String(value)).not.toThrow();
    for (const value of [min - 1, max + 1, Number.NaN, String(max), null]) {
      if (value === null && name !== 'maxTokenAgeSeconds') continue;
      expect(start(place({ [name]: value })), String(value)).toThrow(`\`${name}\``);
    }
  });
});

describe('an issuer of several tenants', () => {
  it.each([
    'one',
    'One-2',
    '0f8fad5b-d9cb-469f-a165-70867728950e',
    'contoso.test',
    'a_b',
    '-',
    '.',
  ])('may have the tenant %s', (tenant) => {
    const options = { issuer: 'https://login.test/{tenantid}/v2.0', tenants: ['one.two', tenant] };
    expect(start(options)).not.toThrow();
  });
});

async function createWorld() {
  const clock = createClock();
  const events = createEventLog();
  const test = await createTestIssuer({ algorithm: 'ES256', now: clock.now });
  const verifier = (own: Partial<IssuerOptions>) =>
    createVerifier({ issuers: { ...test.policy, ...own }, now: clock.now, events });
  return { clock, events, issuer: test, verifier };
}

describe('the organisations that an issuer may name', () => {
  it.each([
    { allowedOrgs: undefined, named: [] },
    { allowedOrgs: [], named: [] },
    { allowedOrgs: ['b'], named: ['b'] },
    { allowedOrgs: ['a', 'b', 'any'], named: ['a', 'b'] },
    { allowedOrgs: ['any'], named: [] },
    { allowedOrgs: 'any' as const, named: ['a', 'b', 'c'] },
  ])('are $named with allowedOrgs $allowedOrgs', async ({ allowedOrgs, named }) => {
    const world = await createWorld();
    const verifier = world.verifier({ ...(allowedOrgs && { allowedOrgs }) });
    const token = await world.issuer.mint({ orgs: [{ id: 'a' }, { id: 'b' }, { id: 'c' }] });
    const { orgs } = await verifier.verify(token);
    expect(orgs.map(({ id }) => id)).toEqual(named);
  });
});

describe('a check of the application', () => {
  it.each([
    { title: 'true', result: true, isRefused: false },
    { title: 'false', result: false, isRefused: true },
    { title: '1', result: 1, isRefused: true },
  ])('that returns $title', async ({ result, isRefused }) => {
    const world = await createWorld();
    const verifier = world.verifier({ check: () => result as boolean });
    const verdict = await verifier.verify(await world.issuer.mint()).then(
      () => 'accepted',
      () => 'refused',
    );
    expect(verdict).toBe(isRefused ? 'refused' : 'accepted');
  });
});

describe('the audience null', () => {
  it('takes tokens that were made for others', async () => {
    const world = await createWorld();
    await world.verifier({ audience: null }).verify(await world.issuer.mint({ aud: 'other' }));
  });
});

describe('a mapping of claims', () => {
  it('keeps the path of its preset for a member that is undefined', async () => {
    const world = await createWorld();
    const claims = { preset: 'generic' as const, email: 'mail', roles: undefined };
    const verifier = world.verifier({ claims: claims as object });
    const token = await world.issuer.mint({ mail: 'u@a.test', email: 'x@a.test', roles: ['r'] });
    expect(await verifier.verify(token)).toMatchObject({
      user: { email: 'u@a.test', roles: ['r'] },
    });
  });
});

describe('accepted algorithms', () => {
  it.each(['RS256', 'ES256', 'Ed25519', 'EdDSA'] as const)(
    'by default have %s',
    async (algorithm) => {
      const clock = createClock();
      const test = await createTestIssuer({ algorithm, now: clock.now });
      const { algorithms: _algorithms, ...policy } = test.policy;
      const verifier = createVerifier({ issuers: policy, now: clock.now });
      await verifier.verify(await test.mint());
    },
  );

  it('by default do not have PS256', async () => {
    const test = await createTestIssuer({ algorithm: 'PS256' });
    const { algorithms: _algorithms, ...policy } = test.policy;
    const verdict = createVerifier({ issuers: policy }).verify(await test.mint());
    expect(await refusalOf(verdict)).toMatchObject({ reason: 'algorithm' });
  });

  it('with a secret are HS256 by default', async () => {
    const test = await createTestIssuer({ algorithm: 'HS256' });
    const { algorithms: _algorithms, ...policy } = test.policy;
    await createVerifier({ issuers: policy }).verify(await test.mint());
  });
});

describe('issuers found at run time', () => {
  async function resolving(own: (issuer: TestIssuer) => unknown = ({ policy }) => policy) {
    const clock = createClock();
    const events = createEventLog();
    const test = await createTestIssuer({ algorithm: 'ES256', now: clock.now });
    const asked: unknown[] = [];
    const verifier = createVerifier({
      resolveIssuer: (iss) => {
        asked.push(iss);
        return own(test) as IssuerOptions;
      },
      ...{ events, now: clock.now },
    });
    const mint = (claims: Record<string, unknown> = {}) =>
      test.mint({ exp: clock.now() / 1000 + 7200, ...claims });
    return { clock, events, asked, verifier, mint };
  }

  it.each([null, undefined])('are unknown when the resolver returns %s', async (nothing) => {
    const { clock, events, asked, verifier, mint } = await resolving(() => nothing);
    for (const seconds of [0, 29.999]) {
      clock.advance(seconds);
      expect(await refusalOf(verifier.verify(await mint()))).toMatchObject({ reason: 'issuer' });
    }
    expect(asked).toHaveLength(1);
    clock.advance(0.001);
    await refusalOf(verifier.verify(await mint()));
    expect(asked).toHaveLength(2);
    expect(events.of('hook.failed')).toEqual([]);
  });

  it('are kept for 5 minutes, and asked for again at their end', async () => {
    const { clock, asked, verifier, mint } = await resolving();
    for (const seconds of [0, 299.999]) {
      clock.advance(seconds);
      await verifier.verify(await mint());
    }
    expect(asked).toHaveLength(1);
    clock.advance(0.001);
    await verifier.verify(await mint());
    expect(asked).toHaveLength(2);
  });

  it('are left alone for 5 seconds after a failure', async () => {
    const { clock, asked, verifier, mint } = await resolving(() => 'no options');
    for (const seconds of [0, 4.999]) {
      clock.advance(seconds);
      expect(await refusalOf(verifier.verify(await mint()))).toMatchObject({
        ...{ code: 'KEYS_UNAVAILABLE', reason: 'resolver', cause: { name: 'TypeError' } },
      });
    }
    expect(asked).toHaveLength(1);
    clock.advance(0.001);
    await refusalOf(verifier.verify(await mint()));
    expect(asked).toHaveLength(2);
  });

  it.each([
    { title: 'of 512 characters', iss: `https://${'a'.repeat(504)}`, times: 1 },
    { title: 'of 513 characters', iss: `https://${'a'.repeat(505)}`, times: 0 },
    { title: 'that is a list', iss: ['https://issuer.test'], times: 0 },
    { title: 'that is a number', iss: 5, times: 0 },
    { title: 'that is null', iss: null, times: 0 },
    { title: 'that every object has', iss: 'constructor', times: 0 },
  ])('are asked for with an `iss` $title: $times', async ({ iss, times }) => {
    const { asked, verifier, mint } = await resolving(() => undefined);
    expect(await refusalOf(verifier.verify(await mint({ iss })))).toMatchObject({ status: 401 });
    expect(asked).toHaveLength(times);
  });

  it('keep a verified token when they come again with a key that is an object', async () => {
    let publicKey: KeyObject[] | undefined;
    const { clock, verifier, mint } = await resolving((test) => {
      publicKey ??= test.jwks().keys.map((key) => createPublicKey({ key, format: 'jwk' }));
      return { ...test.policy, keys: { publicKey } };
    });
    await verifier.ready();
    await verifier.verify(await mint({ sub: 'first' }));
    clock.advance(10);
    const token = await mint();
    await verifier.verify(token);
    clock.advance(290);
    await verifier.verify(await mint({ sub: 'last' }));
    await verifier.verify(token);
    expect(verifier.counters().signatureChecks).toBe(3);
  });
});
