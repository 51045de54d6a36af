import { inspect } from 'node:util';
import { createHmac, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createVerifier, type IntrospectionOptions, type IssuerOptions } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import {
  CLIENT,
  type EndpointAnswer,
  sendJson,
  serveIntrospection,
} from '../world/introspection-server.js';
import { refusalOf } from '../world/refusal-of.js';
import { createTokenSigner } from '../world/token-signer.js';

const AUDIENCE = 'https://invoices.example/api';
const TOKEN = 'opaque-token-that-is-secret';
const NOW = 1_800_000_000;
const GOOD = {
  active: true,
  sub: 'user-1',
  aud: AUDIENCE,
  client_id: 'spa',
  scope: 'invoices:read',
  exp: NOW + 600,
};

type Own = Partial<IssuerOptions> & { readonly introspection?: Partial<IntrospectionOptions> };

/** A verifier that asks an endpoint of ours, which says whatever a test wants. */
async function createWorld(answer: EndpointAnswer = GOOD, { introspection, ...policy }: Own = {}) {
  const server = await serveIntrospection(answer);
  const clock = createClock(NOW);
  const events = createEventLog();
  const { issuer, endpoint } = server;
  const asked: IssuerOptions = {
    issuer,
    audience: AUDIENCE,
    keys: { introspection: { endpoint, ...CLIENT, ...introspection } },
    ...policy,
  };
  const verifier = createVerifier({ issuers: asked, events, now: clock.now });
  return { server, clock, events, verifier, issuer: asked };
}

describe('I1 what an endpoint says about a token (CONFORMANCE 40)', () => {
  it('control: a good answer is a principal', async () => {
    const { verifier, issuer } = await createWorld();
    expect(await verifier.verify(TOKEN)).toMatchObject({
      method: 'opaque',
      subject: 'user-1',
      issuer: issuer.issuer,
      clientId: 'spa',
      expiresAt: NOW + 600,
      claims: { sub: 'user-1', client_id: 'spa' },
    });
  });

  it.each<{ title: string; answer: Record<string, unknown>; policy?: Own; reason?: string }>([
    { title: 'active: false', answer: { active: false } },
    { title: 'active: false beside everything else', answer: { ...GOOD, active: false } },
    { title: 'no active', answer: { ...GOOD, active: undefined } },
    { title: "active: 'true'", answer: { ...GOOD, active: 'true' } },
    { title: 'active: 1', answer: { ...GOOD, active: 1 } },
    { title: 'active: null', answer: { ...GOOD, active: null } },
    { title: 'no member at all', answer: {} },
    { title: 'another issuer', answer: { ...GOOD, iss: 'https://evil.example' }, reason: 'issuer' },
    { title: 'an issuer that is no text', answer: { ...GOOD, iss: [] }, reason: 'issuer' },
    { title: 'another audience', answer: { ...GOOD, aud: 'https://other' }, reason: 'audience' },
    { title: 'no audience', answer: { ...GOOD, aud: undefined }, reason: 'audience' },
    {
      title: 'an audience of numbers',
      answer: { ...GOOD, aud: [AUDIENCE, 1] },
      reason: 'audience',
    },
    {
      title: 'another client',
      answer: GOOD,
      policy: { clientIds: ['mobile'] },
      reason: 'client',
    },
    { title: 'a token of the future', answer: { ...GOOD, nbf: NOW + 60 }, reason: 'not_yet_valid' },
    { title: 'an end that is text', answer: { ...GOOD, exp: `${NOW + 600}` }, reason: 'times' },
    { title: 'an end in milliseconds', answer: { ...GOOD, exp: NOW * 1000 }, reason: 'times' },
    {
      title: 'a token that is too old',
      answer: { ...GOOD, iat: NOW - 100 },
      policy: { maxTokenAgeSeconds: 60 },
      reason: 'too_old',
    },
    {
      title: 'a token of unknown age',
      answer: GOOD,
      policy: { maxTokenAgeSeconds: 60 },
      reason: 'missing_claim',
    },
    {
      title: 'a missing claim',
      answer: GOOD,
      policy: { requiredClaims: ['tenant'] },
      reason: 'missing_claim',
    },
    { title: 'a refused check', answer: GOOD, policy: { check: () => false }, reason: 'check' },
    {
      title: 'a refresh token',
      answer: { ...GOOD, token_type: 'refresh_token' },
      reason: 'token_kind',
    },
    {
      title: 'a refresh token of Hydra',
      answer: { ...GOOD, token_use: 'refresh_token' },
      reason: 'token_kind',
    },
    {
      title: 'a refresh token of Keycloak',
      answer: { ...GOOD, typ: 'Refresh' },
      reason: 'token_kind',
    },
    {
      title: 'what is no access token',
      answer: { ...GOOD, token_type: 'N_A' },
      reason: 'token_kind',
    },
    {
      title: 'a type that is no text',
      answer: { ...GOOD, token_type: ['Bearer'] },
      reason: 'token_kind',
    },
    { title: 'an ID token', answer: { ...GOOD, at_hash: 'x' }, reason: 'token_kind' },
    { title: 'DPoP without a key', answer: { ...GOOD, token_type: 'DPoP' }, reason: 'token_kind' },
    {
      title: 'neither user nor client',
      answer: { active: true, aud: AUDIENCE },
      reason: 'subject',
    },
    {
      title: 'a user without an id',
      answer: { ...GOOD, sub: undefined, username: 'ada' },
      reason: 'subject',
    },
    { title: 'an empty id', answer: { ...GOOD, sub: '' }, reason: 'subject' },
  ])('$title is 401', async ({ answer, policy, reason = 'inactive' }) => {
    const { verifier, events } = await createWorld(answer, policy);
    const refusal = await refusalOf(verifier.verify(TOKEN));
    expect(refusal).toMatchObject({ status: 401, code: 'INVALID_TOKEN', reason });
    expect(events.of('introspection.failed')).toEqual([]);
    expect(verifier.counters()).toMatchObject({ introspections: 1, cachedTokens: 0 });
  });

  it('an end that is over is TOKEN_EXPIRED', async () => {
    const { verifier } = await createWorld({ ...GOOD, exp: NOW - 6 });
    const refusal = await refusalOf(verifier.verify(TOKEN));
    expect(refusal).toMatchObject({
      code: 'TOKEN_EXPIRED',
      problem: { expired_at: '2027-01-15T07:59:54Z' },
    });
  });

  it.each<{ title: string; reason: string; answer: EndpointAnswer; own?: Own }>([
    { title: 'HTML', reason: 'not_json', answer: (response) => response.end('<p>active</p>') },
    { title: 'nothing', reason: 'not_json', answer: (response) => response.end() },
    {
      title: 'a list',
      reason: 'not_json',
      answer: (response) => response.end('[{"active":true}]'),
    },
    { title: 'true', reason: 'not_json', answer: (response) => response.end('true') },
    {
      title: 'a member twice',
      reason: 'not_json',
      answer: (response) => response.end(JSON.stringify(GOOD).replace('{', '{"active":false,')),
    },
    {
      title: '500',
      reason: 'status',
      answer: (response) => sendJson(response, GOOD, 500),
    },
    { title: '404', reason: 'status', answer: (response) => sendJson(response, GOOD, 404) },
    { title: '204', reason: 'status', answer: (response) => response.writeHead(204).end() },
    { title: '400', reason: 'status', answer: (response) => sendJson(response, GOOD, 400) },
    {
      title: '400 about our client',
      reason: 'credentials',
      answer: (response) => sendJson(response, { error: 'invalid_client' }, 400),
    },
    { title: '401', reason: 'credentials', answer: (response) => sendJson(response, GOOD, 401) },
    { title: '403', reason: 'credentials', answer: (response) => sendJson(response, GOOD, 403) },
    {
      title: 'a redirect',
      reason: 'status',
      answer: (response) => response.writeHead(307, { Location: '/elsewhere' }).end(),
    },
    {
      title: '2 MB',
      reason: 'too_large',
      answer: (response) => response.end(JSON.stringify({ ...GOOD, x: 'x'.repeat(2_000_000) })),
    },
    {
      title: 'silence',
      reason: 'timeout',
      answer: () => undefined,
      own: { introspection: { timeoutMs: 30 } },
    },
    { title: 'a hang-up', reason: 'network', answer: (response) => response.socket?.destroy() },
  ])('$title is 503 with Retry-After, never 401', async ({ answer, own, reason }) => {
    const { verifier, events, server } = await createWorld(answer, own);
    const refusal = await refusalOf(verifier.verify(TOKEN));
    expect(refusal).toMatchObject({ status: 503, code: 'KEYS_UNAVAILABLE' });
    expect(Number(refusal.headers['Retry-After'])).toBeGreaterThanOrEqual(1);
    expect(refusal.headers['WWW-Authenticate']).toBeUndefined();
    expect(events.of('introspection.failed').map((event) => event.reason)).toEqual([reason]);
    expect(verifier.counters()).toMatchObject({ introspections: 1, cachedTokens: 0 });
    expect(server.fetched).toEqual([]);
  });

  it.each(['client_secret_basic', 'client_secret_post'] as const)(
    'is asked with %s, and neither token nor secret show anywhere else',
    async (authMethod) => {
      const { verifier, server, events } = await createWorld(
        (response) => sendJson(response, {}, 500),
        { introspection: { authMethod } },
      );
      const refusal = await refusalOf(verifier.verify(TOKEN));
      const [question] = server.questions;
      expect(question).toMatchObject({
        method: 'POST',
        url: '/introspect',
        headers: {
          'content-type': 'application/x-www-form-urlencoded',
          accept: 'application/json',
        },
        form: { token: TOKEN, token_type_hint: 'access_token' },
      });
      const basic = Buffer.from('invoices-api:s3cret%3A+of+the%2BAPI').toString('base64');
      const { client_id: clientId, client_secret: clientSecret } = question?.form ?? {};
      expect([question?.headers.authorization, clientId, clientSecret]).toEqual(
        authMethod === 'client_secret_basic'
          ? [`Basic ${basic}`, undefined, undefined]
          : [undefined, CLIENT.clientId, CLIENT.clientSecret],
      );
      const seen = `${inspect(refusal, { depth: 9, showHidden: true })} ${events.text()} ${inspect(verifier, { depth: 9, showHidden: true })}`;
      for (const secret of [TOKEN, CLIENT.clientSecret, basic]) expect(seen).not.toContain(secret);
    },
  );
});

describe('I1 a JWT does not fall back to introspection', () => {
  it('after a bad signature, a wrong header, or an unknown issuer', async () => {
    const server = await serveIntrospection(GOOD);
    const jwts = await createTestIssuer({ algorithm: 'ES256' });
    const { issuer, endpoint } = server;
    const verifier = createVerifier({
      issuers: [
        jwts.policy,
        { issuer, audience: null, keys: { introspection: { endpoint, ...CLIENT } } },
      ],
    });
    const [good, stranger] = await Promise.all([
      jwts.mint(),
      createTestIssuer({ issuer: 'https://stranger.example', algorithm: 'ES256' }).then((other) =>
        other.mint(),
      ),
    ]);
    const [header = '', claims = '', signature = ''] = good.split('.');
    const twice = Buffer.from('{"alg":"ES256","alg":"none"}').toString('base64url');
    for (const token of [
      `${header}.${claims}.${signature.split('').toReversed().join('')}`,
      `${header}.${claims}.${signature}=`,
      `${header}.${claims}.+${signature.slice(1)}`,
      `${header}.${claims}.`,
      `${twice}.${claims}.${signature}`,
      `${Buffer.from('{}').toString('base64url')}.${claims}.${signature}`,
      stranger,
    ])
      expect(await refusalOf(verifier.verify(token))).toMatchObject({ code: 'INVALID_TOKEN' });
    expect(server.questions).toEqual([]);
    expect(await verifier.verify(good)).toMatchObject({ method: 'jwt' });
  });

  it('of an issuer that is asked is asked about, and its signature counts for nothing', async () => {
    const { verifier, server, issuer } = await createWorld();
    const claims = { iss: issuer.issuer, aud: AUDIENCE, sub: 'admin', exp: NOW + 600 };
    const input = [{ alg: 'HS256' }, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const forged = `${input}.${createHmac('sha256', 'x').update(input).digest('base64url')}`;
    expect(await verifier.verify(forged)).toMatchObject({ method: 'opaque', subject: 'user-1' });
    server.answer = { active: false };
    expect(await refusalOf(verifier.verify(`${input}.AAAA`))).toMatchObject({ reason: 'inactive' });
  });
});

describe('I1 signed answers (RFC 9701)', () => {
  const TYPE = 'application/token-introspection+jwt';

  async function createSignedWorld() {
    const signer = await createTokenSigner('answers');
    const world = await createWorld(GOOD, {
      introspection: { signedResponses: { jwks: { keys: [signer.jwk] } } },
    });
    const claims = {
      iss: world.issuer.issuer,
      aud: CLIENT.clientId,
      iat: NOW,
      token_introspection: GOOD,
    };
    const header = { typ: 'token-introspection+jwt' };
    const send =
      (body: string, type = TYPE): EndpointAnswer =>
      (response) =>
        response.writeHead(200, { 'Content-Type': type }).end(body);
    return { ...world, signer, claims, header, send };
  }

  it('control: a good one is a principal, and is asked for', async () => {
    const { server, verifier, signer, claims, header, send } = await createSignedWorld();
    server.answer = send(await signer.sign({ header, claims }), `${TYPE}; charset=utf-8`);
    expect(await verifier.verify(TOKEN)).toMatchObject({ method: 'opaque', subject: 'user-1' });
    expect(server.questions[0]?.headers.accept).toBe(TYPE);
  });

  it.each<{ title: string; header?: object; claims?: object; type?: string; reason: string }>([
    { title: 'another media type', type: 'application/json', reason: 'not_signed' },
    { title: 'the type of an access token', header: { typ: 'at+jwt' }, reason: 'not_signed' },
    { title: 'no type', header: { typ: undefined }, reason: 'not_signed' },
    { title: 'a compressed payload', header: { zip: 'DEF' }, reason: 'not_signed' },
    { title: 'another issuer', claims: { iss: 'https://evil.example' }, reason: 'answer_claims' },
    { title: 'another API', claims: { aud: 'other-api' }, reason: 'answer_claims' },
    { title: 'no API', claims: { aud: undefined }, reason: 'answer_claims' },
    { title: 'an hour ago', claims: { iat: NOW - 3600 }, reason: 'answer_claims' },
    { title: 'no time', claims: { iat: undefined }, reason: 'answer_claims' },
    { title: 'no answer', claims: { token_introspection: undefined }, reason: 'answer_claims' },
    { title: 'an answer as text', claims: { token_introspection: 'x' }, reason: 'answer_claims' },
  ])('with $title is 503', async ({ type, reason, ...own }) => {
    const { server, verifier, events, send, ...good } = await createSignedWorld();
    const answer = await good.signer.sign({
      header: { ...good.header, ...own.header },
      claims: { ...good.claims, ...own.claims },
    });
    server.answer = send(answer, type);
    expect(await refusalOf(verifier.verify(TOKEN))).toMatchObject({ code: 'KEYS_UNAVAILABLE' });
    expect(events.of('introspection.failed').map((event) => event.reason)).toEqual([reason]);
  });

  it('by another key, with another algorithm, or not signed at all is 503', async () => {
    const { server, verifier, events, clock, claims, header, send } = await createSignedWorld();
    const other = await createTokenSigner('others');
    const [, payload = ''] = (await other.sign({ header, claims })).split('.');
    const none = Buffer.from(JSON.stringify({ ...header, alg: 'none' })).toString('base64url');
    for (const answer of [
      send(await other.sign({ header, claims })),
      send(`${none}.${payload}.AAAA`),
      GOOD,
    ]) {
      server.answer = answer;
      clock.advance(10);
      expect(await refusalOf(verifier.verify(TOKEN))).toMatchObject({ code: 'KEYS_UNAVAILABLE' });
    }
    expect(events.of('introspection.failed').map(({ reason }) => reason)).toEqual([
      'signature',
      'not_signed',
      'not_signed',
    ]);
  });

  it('are no access tokens', async () => {
    const { server, verifier, signer, claims, header, send } = await createSignedWorld();
    const answer = await signer.sign({
      header,
      claims: { ...claims, ...GOOD, aud: [AUDIENCE, CLIENT.clientId] },
    });
    server.answer = send(answer);
    expect(await refusalOf(verifier.verify(answer))).toMatchObject({ reason: 'type' });
    expect(server.questions).toEqual([]);
  });
});

describe('I1 a flood of made-up tokens', () => {
  it('pushes no good one out', async () => {
    const { verifier, server } = await createWorld(
      (response, { form }) =>
        sendJson(response, form['token'] === TOKEN ? GOOD : { active: false }),
      { introspection: { maxEntries: 4 } },
    );
    await verifier.verify(TOKEN);
    for (let junk = 0; junk < 20; junk += 1)
      await refusalOf(verifier.verify(randomBytes(24).toString('base64url')));
    await verifier.verify(TOKEN);
    expect(server.questions).toHaveLength(21);
    expect(verifier.counters()).toMatchObject({ cachedTokens: 1 });
  });

  it('has 32 questions under way and 256 waiting; the others are 503', async () => {
    const held: ServerResponse[] = [];
    let most = 0;
    const answerAll = (): void => {
      most = Math.max(most, held.length);
      for (const response of held.splice(0)) sendJson(response, { active: false });
    };
    const { verifier, server, events } = await createWorld((response) => {
      // The time is for a question too many.
      if (held.push(response) === 32) setTimeout(answerAll, 5);
    });
    const codes = await Promise.all(
      Array.from({ length: 400 }, async () => {
        const refusal = await refusalOf(verifier.verify(randomBytes(24).toString('base64url')));
        return refusal.code;
      }),
    );
    expect(most).toBe(32);
    expect(server.questions).toHaveLength(288);
    expect(codes.filter((code) => code === 'INVALID_TOKEN')).toHaveLength(288);
    expect(codes.filter((code) => code === 'KEYS_UNAVAILABLE')).toHaveLength(112);
    expect(events.of('introspection.failed').map(({ reason }) => reason)).toEqual(['overload']);
  });

  it.each([
    'short',
    'x'.repeat(16_385),
    'with space in the middle',
    'null\0null\0null\0null',
    'ünïcödé-ünïcödé-ünïcödé',
    'lone-\uD800-surrogate-here',
    '\u001B[31m-escape-escape-escape',
    '====================',
    'a=b-not-at-the-end-=',
    '<script>alert(1)</script>',
  ])('is not asked about what is no bearer token: %j', async (token) => {
    const { verifier, server } = await createWorld();
    expect(await refusalOf(verifier.verify(token))).toMatchObject({ code: 'INVALID_TOKEN' });
    expect(server.questions).toEqual([]);
  });
});

describe('I1 an endpoint that fails', () => {
  it('is asked twice, then once in 5 s, and again at once when it has answered', async () => {
    const { verifier, server, clock } = await createWorld((response) =>
      sendJson(response, {}, 500),
    );
    const ask = () => refusalOf(verifier.verify(randomBytes(24).toString('base64url')));
    for (let turn = 0; turn < 20; turn += 1)
      expect(await ask()).toMatchObject({ code: 'KEYS_UNAVAILABLE' });
    expect(server.questions).toHaveLength(2);
    clock.advance(5);
    await Promise.all(Array.from({ length: 20 }, ask));
    expect(server.questions).toHaveLength(3);
    server.answer = { active: false };
    clock.advance(5);
    const refusals = await Promise.all(Array.from({ length: 20 }, ask));
    expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(['INVALID_TOKEN']));
    expect(server.questions).toHaveLength(23);
  });

  it('does not end what it has said before', async () => {
    const { verifier, server, clock } = await createWorld();
    await verifier.verify(TOKEN);
    server.answer = (response) => sendJson(response, {}, 500);
    await refusalOf(verifier.verify('another-token-of-that-time'));
    clock.advance(29);
    expect(await verifier.verify(TOKEN)).toMatchObject({ subject: 'user-1' });
    clock.advance(1);
    expect(await refusalOf(verifier.verify(TOKEN))).toMatchObject({ code: 'KEYS_UNAVAILABLE' });
  });

  it('cannot be made to look so by a token that it does not take', async () => {
    const { verifier, server } = await createWorld((response, { form }) =>
      form['token'] === TOKEN ? sendJson(response, GOOD) : sendJson(response, {}, 400),
    );
    for (let turn = 0; turn < 10; turn += 1)
      await refusalOf(verifier.verify(`poisonous-token-number-${turn}`));
    expect(await verifier.verify(TOKEN)).toMatchObject({ subject: 'user-1' });
    await refusalOf(verifier.verify('poisonous-token-number-9'));
    expect(server.questions).toHaveLength(11);
  });
});
