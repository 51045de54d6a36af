import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { memoryStore, openStore } from 'latchkey';
import { createDpopKey } from 'latchkey/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { jwkThumbprint } from '../../lib/verifier/keys/jwk-thumbprint.js';
import { createDatabaseFolder } from '../world/database-folder.js';
import { createDpopApp, PUBLIC_ORIGIN, sendLines, slowStore } from '../world/dpop-app.js';
import { expressVersions } from '../world/express-versions.js';

const ALGS = 'algs="ES256 ES384 ES512 Ed25519 EdDSA PS256 PS384 PS512 RS256 RS384 RS512"';

describe.each(expressVersions)('a bound token with its proof, on $name', ({ express }) => {
  it('is taken, and proves nothing a second time', async () => {
    const { get, proof, token, outcomeOf } = await createDpopApp({ express });
    const headers = { authorization: `DPoP ${token}`, dpop: proof() };
    expect(await get(headers)).toMatchObject({ status: 200, body: { subject: 'user-1' } });
    expect(await outcomeOf(get(headers))).toBe('401 INVALID_DPOP_PROOF proof_replayed');
    const other = { ...headers, dpop: proof() };
    expect(await outcomeOf(get(other))).toBe('200');
  });
});

describe('a replayed proof (H1, H2)', () => {
  it.each([
    { name: 'memory', open: memoryStore },
    { name: 'SQLite', open: () => openStore(`file:${join(createDatabaseFolder(), 'auth.db')}`) },
  ])('gets one 200 of 50 at once, with a slow store in $name', async ({ open }) => {
    const opened = open();
    onTestFinished(() => opened.close());
    const { store, added } = slowStore(opened);
    const { get, proof, token } = await createDpopApp({ store });
    const headers = { authorization: `DPoP ${token}`, dpop: proof() };
    const replies = await Promise.all(Array.from({ length: 50 }, () => get(headers)));
    expect(replies.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(new Set(replies.map(({ body }) => body['code']))).toEqual(
      new Set([undefined, 'INVALID_DPOP_PROOF']),
    );
    expect(added()).toBe(50);
  });

  it('is refused for as long as it is not too old, made by a clock that is ahead', async () => {
    const { clock, get, proof, token, outcomeOf } = await createDpopApp();
    const ahead = { iat: clock.now() / 1000 + 5 };
    const headers = { authorization: `DPoP ${token}`, dpop: proof({ claims: ahead }) };
    expect(await outcomeOf(get(headers))).toBe('200');
    clock.advance(65);
    expect(await outcomeOf(get(headers))).toBe('401 INVALID_DPOP_PROOF proof_replayed');
    clock.advance(1);
    expect(await outcomeOf(get(headers))).toBe('401 INVALID_DPOP_PROOF proof_time');
  });

  it('counts once for each path that it is for, however that is spelt', async () => {
    const { call, outcomeOf } = await createDpopApp();
    const claims = { jti: 'one' };
    const file = (name: string) => ({ claims: { ...claims, htu: `${PUBLIC_ORIGIN}/v1/${name}` } });
    expect(await outcomeOf(call(file('files/a-b'), '/v1/files/a-b'))).toBe('200');
    expect(await outcomeOf(call(file('files/a%2db'), '/v1/files/a%2Db'))).toBe(
      '401 INVALID_DPOP_PROOF proof_replayed',
    );
    expect(await outcomeOf(call(file('files/c'), '/v1/files/c'))).toBe('200');
  });

  it('of another key with the same id is no replay', async () => {
    const { call, get, clock, issuer, url, outcomeOf } = await createDpopApp();
    const claims = { jti: 'one' };
    const other = await createDpopKey({ algorithm: 'Ed25519', now: clock.now });
    const token = await issuer.mint({ cnf: other.cnf });
    const dpop = other.proof({ url, token, claims });
    expect(await outcomeOf(call({ claims }))).toBe('200');
    expect(await outcomeOf(get({ authorization: `DPoP ${token}`, dpop }))).toBe('200');
  });
});

describe('with the store down (H3)', () => {
  it('a good proof is 503, and a bad one is refused before the store is asked', async () => {
    const store = memoryStore();
    const add = () => Promise.reject(new Error('connection refused'));
    const { call, outcomeOf } = await createDpopApp({
      store: { ...store, once: { ...store.once, add } },
    });
    expect(await outcomeOf(call())).toBe('503 STORE_UNAVAILABLE');
    const forged = call({ claims: { htm: 'POST' } });
    expect(await outcomeOf(forged)).toBe('401 INVALID_DPOP_PROOF proof_method');
  });
});

describe('a proof for another request (H4)', () => {
  it.each([
    { htm: 'get', reason: 'proof_method' },
    { htm: 'POST', reason: 'proof_method' },
    { htm: undefined, reason: 'proof_claims' },
    { htm: ['GET'], reason: 'proof_claims' },
    { htu: `${PUBLIC_ORIGIN}/v1/invoices/`, reason: 'proof_uri' },
    { htu: `${PUBLIC_ORIGIN}/V1/invoices`, reason: 'proof_uri' },
    { htu: `${PUBLIC_ORIGIN}/invoices`, reason: 'proof_uri' },
    { htu: `${PUBLIC_ORIGIN}/v1%2Finvoices`, reason: 'proof_uri' },
    { htu: `${PUBLIC_ORIGIN}/v1/x/../invoices`, reason: 'proof_uri' },
    { htu: `${PUBLIC_ORIGIN}\\v1/invoices`, reason: 'proof_uri' },
    { htu: PUBLIC_ORIGIN, reason: 'proof_uri' },
    { htu: 'http://api.example/v1/invoices', reason: 'proof_uri' },
    { htu: 'https://api.example:8443/v1/invoices', reason: 'proof_uri' },
    { htu: 'https://api.example.evil.test/v1/invoices', reason: 'proof_uri' },
    { htu: 'https://evil.test/v1/invoices', reason: 'proof_uri' },
    { htu: 'https://user@api.example/v1/invoices', reason: 'proof_uri' },
    { htu: '//api.example/v1/invoices', reason: 'proof_uri' },
    { htu: '/v1/invoices', reason: 'proof_uri' },
    { htu: ' https://api.example/v1/invoices', reason: 'proof_uri' },
    { htu: '', reason: 'proof_uri' },
    { htu: undefined, reason: 'proof_claims' },
    { htu: [`${PUBLIC_ORIGIN}/v1/invoices`], reason: 'proof_claims' },
  ])('is refused: $htm $htu', async ({ reason, ...claims }) => {
    const { call, outcomeOf } = await createDpopApp();
    expect(await outcomeOf(call({ claims }))).toBe(`401 INVALID_DPOP_PROOF ${reason}`);
  });

  it.each([
    { htu: `${PUBLIC_ORIGIN}/v1/invoices?page=2` },
    { htu: `${PUBLIC_ORIGIN}/v1/invoices#top` },
    { htu: 'HTTPS://API.Example:443/v1/invoices' },
    { htu: `${PUBLIC_ORIGIN}/%761/inv%6Fices` },
  ])('is for this one: $htu', async (claims) => {
    const { call, outcomeOf } = await createDpopApp();
    expect(await outcomeOf(call({ claims }, '/v1/invoices?page=1'))).toBe('200');
  });

  it('is told by the configured address, whatever the request says of its host', async () => {
    const { origin, token, proof } = await createDpopApp();
    const send = (host: string, htu: string, forwarded = host) =>
      sendLines(origin, '/v1/invoices', [
        ...([['Host', host]] as const),
        ['X-Forwarded-Host', forwarded],
        ['X-Forwarded-Proto', 'https'],
        ['X-Forwarded-Prefix', '/v1'],
        ['Authorization', `DPoP ${token}`],
        ['DPoP', proof({ claims: { htu } })],
      ]);
    expect(await send('evil.test', 'https://evil.test/v1/invoices')).toBe(401);
    expect(await send('api.example', 'https://evil.test/v1/invoices', 'evil.test')).toBe(401);
    expect(await send('api.example/admin?x=', 'https://api.example/admin?x=/v1/invoices')).toBe(
      401,
    );
    expect(await send('anything.test', `${PUBLIC_ORIGIN}/v1/invoices`)).toBe(200);
  });

  it('is not for a path with dot segments, which Express does not remove', async () => {
    const { origin, token, proof } = await createDpopApp();
    const send = (path: string, url: string) =>
      sendLines(origin, path, [
        ...([['Host', 'api.example']] as const),
        ['Authorization', `DPoP ${token}`],
        ['DPoP', proof({ url })],
      ]);
    expect(await send('/v1/files/..', `${PUBLIC_ORIGIN}/v1`)).toBe(401);
    expect(await send('/v1/files/..', `${PUBLIC_ORIGIN}/v1/files/..`)).toBe(401);
    expect(await send('/v1/files/%2e%2E', `${PUBLIC_ORIGIN}/v1/files/..`)).toBe(401);
    expect(await send('/v1/files/...', `${PUBLIC_ORIGIN}/v1/files/...`)).toBe(200);
  });

  it('may be for another origin that is configured', async () => {
    const { call, outcomeOf } = await createDpopApp({
      dpop: { mode: 'accepted', origins: ['https://api.internal:8443'] },
    });
    const claims = { htu: 'https://api.internal:8443/v1/invoices' };
    expect(await outcomeOf(call({ claims }))).toBe('200');
    expect(await outcomeOf(call())).toBe('200');
  });

  it('names the path that users see where a proxy removes a part of it', async () => {
    const { call, outcomeOf } = await createDpopApp({ publicUrl: `${PUBLIC_ORIGIN}/shop` });
    const claims = { htu: `${PUBLIC_ORIGIN}/shop/v1/invoices` };
    expect(await outcomeOf(call({ claims }))).toBe('200');
    expect(await outcomeOf(call())).toBe('401 INVALID_DPOP_PROOF proof_uri');
  });
});

describe('a token and a proof that do not belong together (H5)', () => {
  it('are refused: hash of another token', async () => {
    const { call, issuer, key, outcomeOf } = await createDpopApp();
    const refused = '401 INVALID_DPOP_PROOF proof_token';
    const ath = key.cnf.jkt;
    expect(await outcomeOf(call({ claims: { ath } }))).toBe(refused);
    expect(await outcomeOf(call({ claims: { ath: undefined } }))).toBe(refused);
    expect(await outcomeOf(call({ claims: { ath: '' } }))).toBe(refused);
    expect(await outcomeOf(call({ claims: { ath: 1 } }))).toBe(
      '401 INVALID_DPOP_PROOF proof_claims',
    );
    const { get, proof, token } = await createDpopApp();
    const other = await issuer.mint({ cnf: key.cnf });
    const headers = { authorization: `DPoP ${token}`, dpop: proof({ token: other }) };
    expect((await get(headers)).status).toBe(401);
  });

  it('are refused: another key', async () => {
    const { clock, get, token, url, outcomeOf } = await createDpopApp();
    const thief = await createDpopKey({ now: clock.now });
    const stolen = { authorization: `DPoP ${token}`, dpop: thief.proof({ url, token }) };
    const { headers } = await get(stolen);
    expect(headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(await outcomeOf(get(stolen))).toBe('401 INVALID_TOKEN other_key');
  });

  it.each([
    { cnf: undefined, outcome: '401 INVALID_TOKEN sender_constrained' },
    { cnf: null, outcome: '401 INVALID_TOKEN sender_constrained' },
    { cnf: {}, outcome: '401 INVALID_TOKEN sender_constrained' },
    { cnf: [], outcome: '401 INVALID_TOKEN sender_constrained' },
    { cnf: [{ jkt: 'x' }], outcome: '401 INVALID_TOKEN sender_constrained' },
    { cnf: 'text', outcome: '401 INVALID_TOKEN sender_constrained' },
    { cnf: { jkt: 1 }, outcome: '401 INVALID_TOKEN other_key' },
    { cnf: { jkt: null }, outcome: '401 INVALID_TOKEN other_key' },
    { cnf: { jkt: [] }, outcome: '401 INVALID_TOKEN other_key' },
    { cnf: { jkt: '' }, outcome: '401 INVALID_TOKEN other_key' },
    { cnf: { jwk: {} }, outcome: '401 INVALID_TOKEN sender_constrained' },
  ])('are refused: cnf is $cnf', async ({ cnf, outcome }) => {
    const { call, issuer, outcomeOf } = await createDpopApp();
    const token = await issuer.mint({ cnf });
    expect(await outcomeOf(call({ token }))).toBe(outcome);
  });

  it('go together whatever else cnf says that binds nothing; a certificate must be shown as well', async () => {
    const { call, issuer, key, outcomeOf } = await createDpopApp();
    const token = await issuer.mint({ cnf: { ...key.cnf, kid: '7' } });
    expect(await outcomeOf(call({ token }))).toBe('200');
    const byBoth = await issuer.mint({ cnf: { ...key.cnf, 'x5t#S256': 'x' } });
    expect(await outcomeOf(call({ token: byBoth }))).toBe('401 INVALID_TOKEN client_certificate');
  });
});

describe('a malformed proof (H6)', () => {
  const now = 1_800_000_000;

  it.each([
    { title: 'iat too old', claims: { iat: now - 61 }, reason: 'proof_time' },
    { title: 'iat too far ahead', claims: { iat: now + 6 }, reason: 'proof_time' },
    { title: 'iat as text', claims: { iat: String(now) }, reason: 'proof_claims' },
    { title: 'no iat', claims: { iat: undefined }, reason: 'proof_claims' },
    { title: 'iat in milliseconds', claims: { iat: now * 1000 }, reason: 'proof_time' },
    { title: 'iat null', claims: { iat: null }, reason: 'proof_claims' },
    { title: 'no jti', claims: { jti: undefined }, reason: 'proof_claims' },
    { title: 'empty jti', claims: { jti: '' }, reason: 'proof_claims' },
    { title: 'jti of 257 characters', claims: { jti: 'j'.repeat(257) }, reason: 'proof_claims' },
    { title: 'jti of 10 kB', claims: { jti: 'j'.repeat(10_000) }, reason: 'proof_malformed' },
    { title: 'jti as number', claims: { jti: 1 }, reason: 'proof_claims' },
    { title: 'nonce as number', claims: { nonce: 1 }, reason: 'proof_claims' },
    { title: 'more than 4 kB', claims: { x: 'x'.repeat(4000) }, reason: 'proof_malformed' },
    { title: 'typ JWT', header: { typ: 'JWT' }, reason: 'proof_type' },
    { title: 'typ in capitals', header: { typ: 'DPOP+JWT' }, reason: 'proof_type' },
    { title: 'no typ', header: { typ: undefined }, reason: 'proof_type' },
    { title: 'alg none', header: { alg: 'none' }, reason: 'proof_algorithm' },
    { title: 'alg HS256', header: { alg: 'HS256' }, reason: 'proof_algorithm' },
    { title: 'alg of a prototype', header: { alg: 'toString' }, reason: 'proof_algorithm' },
    { title: 'alg as list', header: { alg: ['ES256'] }, reason: 'proof_algorithm' },
    { title: 'alg of another key', header: { alg: 'RS256' }, reason: 'proof_key' },
    { title: 'alg of another curve', header: { alg: 'ES384' }, reason: 'proof_key' },
    { title: 'crit', header: { crit: ['b64'], b64: false }, reason: 'proof_malformed' },
    { title: 'no jwk', header: { jwk: undefined }, reason: 'proof_key' },
    { title: 'jwk as text', header: { jwk: '{}' }, reason: 'proof_key' },
    { title: 'jwk as list', header: { jwk: [] }, reason: 'proof_key' },
    { title: 'a symmetric jwk', header: { jwk: { kty: 'oct', k: 'AAAA' } }, reason: 'proof_key' },
  ])('is refused: $title', async ({ reason, ...request }) => {
    const { call, outcomeOf } = await createDpopApp();
    expect(await outcomeOf(call(request))).toBe(`401 INVALID_DPOP_PROOF ${reason}`);
  });

  it.each([
    { iat: now - 60 },
    { iat: now + 5 },
    { iat: now - 0.5 },
    { jti: 'j'.repeat(256) },
    { jti: '\0\u001B\uD800|"' },
  ])('is not what has %j', async (claims) => {
    const { call, outcomeOf } = await createDpopApp();
    expect(await outcomeOf(call({ claims }))).toBe('200');
  });

  it('is one with the private half of its key, or a member of it', async () => {
    const { call, key, outcomeOf } = await createDpopApp();
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'])
      expect(await outcomeOf(call({ header: { jwk: { ...key.jwk, [member]: 'AAAA' } } }))).toBe(
        '401 INVALID_DPOP_PROOF proof_key',
      );
  });

  it('is one by an RSA key that is too short, or not for signatures', async () => {
    const { issuer, outcomeOf, get, url, clock } = await createDpopApp();
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const short = publicKey.export({ format: 'jwk' });
    const key = await createDpopKey({ now: clock.now });
    for (const [jwk, alg] of [
      [short, 'RS256'],
      [{ ...key.jwk, use: 'enc' }, 'ES256'],
      [{ ...key.jwk, alg: 'ES384' }, 'ES256'],
      [{ ...key.jwk, x: 'AAAA' }, 'ES256'],
    ] as const) {
      const token = await issuer.mint({ cnf: { jkt: jwkThumbprint(jwk) } });
      const dpop = key.proof({ url, token, header: { jwk, alg } });
      expect(await outcomeOf(get({ authorization: `DPoP ${token}`, dpop }))).toBe(
        '401 INVALID_DPOP_PROOF proof_key',
      );
    }
  });

  it('is one whose signature is another key’s, was cut, or has another spelling', async () => {
    const { clock, get, key, proof, token, url, outcomeOf } = await createDpopApp();
    const thief = await createDpopKey({ now: clock.now });
    const bySomeoneElse = thief.proof({ url, token, header: { jwk: key.jwk } });
    const send = (dpop: string) => outcomeOf(get({ authorization: `DPoP ${token}`, dpop }));
    expect(await send(bySomeoneElse)).toBe('401 INVALID_DPOP_PROOF proof_signature');
    expect(await send(proof().slice(0, -2))).toBe('401 INVALID_DPOP_PROOF proof_signature');
    for (const wrong of ['', 'x', 'a.b.c', `${proof()}=`, `${proof()}.`, `Bearer ${proof()}`])
      expect(await send(wrong)).toMatch(/^401 INVALID_DPOP_PROOF proof_(?:malformed|missing)$/);
  });

  it('is none, two, or two in one', async () => {
    const { get, origin, proof, token, outcomeOf } = await createDpopApp();
    const authorization = `DPoP ${token}`;
    expect(await outcomeOf(get({ authorization }))).toBe('401 INVALID_DPOP_PROOF proof_missing');
    const joined = { authorization, dpop: `${proof()}, ${proof()}` };
    expect(await outcomeOf(get(joined))).toBe('401 INVALID_DPOP_PROOF proof_repeated');
    const lines = (dpop: readonly string[]) =>
      sendLines(origin, '/v1/invoices', [
        ...([['Host', 'api.example']] as const),
        ['Authorization', authorization],
        ...dpop.map((value) => ['DPoP', value] as const),
      ]);
    const twice = proof();
    expect(await lines([twice, twice])).toBe(401);
    expect(await lines([proof(), ''])).toBe(401);
    expect(await lines([proof()])).toBe(200);
  });

  it('is an access token', async () => {
    const { get, token, outcomeOf } = await createDpopApp();
    expect(await outcomeOf(get({ authorization: `DPoP ${token}`, dpop: token }))).toBe(
      '401 INVALID_DPOP_PROOF proof_type',
    );
  });
});

describe('a token by the wrong scheme (H7)', () => {
  it('is refused: a bound one as Bearer, with a proof or without', async () => {
    const { get, proof, token, outcomeOf } = await createDpopApp();
    const authorization = `Bearer ${token}`;
    const refused = '401 INVALID_TOKEN sender_constrained';
    expect(await outcomeOf(get({ authorization }))).toBe(refused);
    expect(await outcomeOf(get({ authorization, dpop: proof() }))).toBe(refused);
    expect((await get({ authorization })).headers.get('www-authenticate')).toBe(
      `Bearer realm="api", error="invalid_token", DPoP realm="api", ${ALGS}`,
    );
  });

  it('is refused: a plain one with a proof', async () => {
    const { call, issuer, outcomeOf } = await createDpopApp();
    const token = await issuer.mint();
    expect(await outcomeOf(call({ token }))).toBe('401 INVALID_TOKEN sender_constrained');
  });

  it('is refused: a bound one where DPoP is off', async () => {
    const { call, issuer, get, outcomeOf } = await createDpopApp({ dpop: { mode: 'off' } });
    expect(await outcomeOf(call())).toBe('401 INVALID_TOKEN sender_constrained');
    const plain = { authorization: `Bearer ${await issuer.mint()}`, dpop: 'looked at by nobody' };
    expect(await outcomeOf(get(plain))).toBe('200');
    expect((await get({})).headers.get('www-authenticate')).toBe('Bearer realm="api"');
  });

  it('is refused: a plain one where bound ones are required', async () => {
    const { call, issuer, get, outcomeOf } = await createDpopApp({ guard: { dpop: 'required' } });
    const authorization = `Bearer ${await issuer.mint()}`;
    expect(await outcomeOf(get({ authorization }))).toBe('401 INVALID_TOKEN not_bound');
    const { headers } = await get({ authorization });
    expect(headers.get('www-authenticate')).toBe(`DPoP realm="api", ${ALGS}`);
    expect(await outcomeOf(call())).toBe('200');
  });
});
