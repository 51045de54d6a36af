import { GraphQLError } from 'graphql';
import { createAuth } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createApp, type FindInvoices } from '../../../examples/recipes/apollo/app.js';
import { BASE } from '../../world/auth-server.js';
import { reservePort, sessionCookie } from '../../world/login-app.js';

interface Answer {
  readonly data?: Readonly<Record<string, unknown>>;
  readonly errors?: readonly {
    readonly message: string;
    readonly path?: readonly string[];
    readonly extensions: { readonly code: string; readonly problem?: { readonly scope?: string } };
  }[];
}

const ALL = '{ motd me { id username } invoices }';

async function start(findInvoices: FindInvoices = async ({ subject }) => [`of ${subject}`]) {
  const port = await reservePort();
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const auth = createAuth({
    ...BASE,
    publicUrl: port.origin,
    cookieSessions: true,
    trustedIssuers: [issuer.policy],
  });
  port.serve(await createApp(auth, findInvoices, { allowBatchedHttpRequests: true }));
  const post = (body: unknown, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${port.origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
  const bearer = async (claims: Readonly<Record<string, unknown>> = {}) => ({
    authorization: `Bearer ${await issuer.mint(claims)}`,
  });
  return { auth, issuer, origin: port.origin, post, bearer };
}

describe('the recipe for Apollo', () => {
  it('answers an anonymous caller what is public, and says UNAUTHENTICATED of the rest, field by field', async () => {
    const { post } = await start();
    const response = await post({ query: ALL });
    expect(response.status).toBe(200);
    const { data, errors } = (await response.json()) as Answer;
    expect(data).toEqual({ motd: 'Hello.', me: null, invoices: null });
    expect(errors?.map(({ path, extensions }) => [path, extensions.code])).toEqual([
      [['me'], 'UNAUTHENTICATED'],
      [['invoices'], 'UNAUTHENTICATED'],
    ]);
  });

  it('says FORBIDDEN, and which scope, of a field that the token does not reach', async () => {
    const { post, bearer } = await start();
    const response = await post({ query: ALL }, await bearer({ sub: 'ada' }));
    expect(response.status).toBe(200);
    const { data, errors } = (await response.json()) as Answer;
    expect(data).toMatchObject({ me: { id: 'ada' }, invoices: null });
    expect(errors).toMatchObject([
      {
        path: ['invoices'],
        extensions: { code: 'FORBIDDEN', problem: { scope: 'invoices:read' } },
      },
    ]);
  });

  it('answers whoever has the scopes', async () => {
    const { post, bearer } = await start();
    const headers = await bearer({ sub: 'ada', scope: 'invoices:read invoices:write' });
    const response = await post({ query: 'mutation { pay(invoice: "42") }' }, headers);
    expect(await response.json()).toEqual({ data: { pay: '42 paid by ada' } });
    expect(await (await post({ query: '{ invoices }' }, headers)).json()).toEqual({
      data: { invoices: ['of ada'] },
    });
  });

  it('refuses a bad token with 401 and its challenge, although the query is public', async () => {
    const { post, bearer } = await start();
    const { authorization } = await bearer();
    const response = await post({ query: '{ motd }' }, { authorization: `${authorization}x` });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const answer = (await response.json()) as Answer;
    expect(answer.data).toBeUndefined();
    expect(answer.errors).toMatchObject([
      { extensions: { code: 'UNAUTHENTICATED', problem: { code: 'INVALID_TOKEN' } } },
    ]);
    expect(answer.errors?.[0]?.extensions).not.toHaveProperty('http');
  });

  it('answers an outage with 503 and Retry-After, not as if the caller were anonymous', async () => {
    const { post, bearer, issuer } = await start();
    const headers = await bearer();
    issuer.goDown();
    const response = await post({ query: ALL }, headers);
    expect(response.status).toBe(503);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(((await response.json()) as Answer).errors).toMatchObject([
      { extensions: { code: 'SERVICE_UNAVAILABLE' } },
    ]);
  });

  it.each([
    { thrown: new Error('connect ECONNREFUSED 10.0.0.7:5432'), message: 'Internal server error' },
    { thrown: new GraphQLError('The year is closed.'), message: 'The year is closed.' },
  ])('answers $thrown of a resolver with $message', async ({ thrown, message }) => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    onTestFinished(() => logged.mockRestore());
    const { post, bearer } = await start(() => Promise.reject(thrown));
    const response = await post(
      { query: '{ invoices }' },
      await bearer({ scope: 'invoices:read' }),
    );
    const text = await response.text();
    expect((JSON.parse(text) as Answer).errors?.map((error) => error.message)).toEqual([message]);
    expect(text).not.toContain('10.0.0.7');
    const isAccident = !(thrown instanceof GraphQLError);
    expect(logged.mock.calls).toEqual(isAccident ? [[thrown]] : []);
  });

  it('answers a batch operation by operation, and a bad token for all of it', async () => {
    const { post, bearer } = await start();
    const batch = [{ query: '{ motd }' }, { query: '{ me { id } }' }];
    const response = await post(batch);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject([
      { data: { motd: 'Hello.' } },
      { data: { me: null }, errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] },
    ]);
    const { authorization } = await bearer();
    expect((await post(batch, { authorization: `${authorization}x` })).status).toBe(401);
  });
});

describe('the recipe for Apollo with the session cookie', () => {
  async function signedIn() {
    const world = await start();
    const user = await world.auth.users.create({ username: 'ada' });
    const { name, value } = await sessionCookie(world, user);
    return { ...world, cookie: `${name}=${value}` };
  }

  it('knows the user of a page of its own', async () => {
    const { post, cookie, origin } = await signedIn();
    const response = await post({ query: '{ me { username } }' }, { cookie, origin });
    expect(await response.json()).toEqual({ data: { me: { username: 'ada' } } });
    expect(response.headers.get('vary')).toContain('Cookie');
  });

  it('refuses the page of another origin with 403', async () => {
    const { post, cookie } = await signedIn();
    const response = await post({ query: ALL }, { cookie, origin: 'https://evil.example' });
    expect(response.status).toBe(403);
    expect(((await response.json()) as Answer).errors).toMatchObject([
      { extensions: { code: 'FORBIDDEN', problem: { code: 'CROSS_SITE_REQUEST' } } },
    ]);
  });

  it.each([
    {
      title: 'a form',
      method: 'POST',
      headers: { 'content-type': 'text/plain', origin: 'https://evil.example' },
    },
    { title: 'a link or an image', method: 'GET', headers: {} },
  ])('runs no query that $title of another page sends', async ({ method, headers }) => {
    const { origin, cookie } = await signedIn();
    const url = `${origin}/graphql?query={me{username}}`;
    const response = await fetch(url, { method, headers: { cookie, ...headers } });
    expect(response.status).toBe(400);
    expect(((await response.json()) as Answer).data).toBeUndefined();
    // What no such request can send without a preflight.
    const preflighted = { cookie, 'apollo-require-preflight': '1' };
    expect(await (await fetch(url, { headers: preflighted })).json()).toEqual({
      data: { me: { username: 'ada' } },
    });
  });
});
