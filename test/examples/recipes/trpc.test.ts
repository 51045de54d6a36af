import {
  createTRPCClient,
  httpBatchLink,
  httpBatchStreamLink,
  httpLink,
  TRPCClientError,
} from '@trpc/client';
import { TRPCError } from '@trpc/server';
import { createAuth } from 'latchkey';
import { createAuthClient } from 'latchkey/client';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  type AppRouter,
  createApp,
  type FindInvoices,
} from '../../../examples/recipes/trpc/app.js';
import { BASE } from '../../world/auth-server.js';
import { reservePort, sessionCookie } from '../../world/login-app.js';

const LINKS = [
  { name: 'httpLink', link: httpLink },
  { name: 'httpBatchLink', link: httpBatchLink },
  { name: 'httpBatchStreamLink', link: httpBatchStreamLink },
];

type Link = (typeof LINKS)[number]['link'];

async function start(findInvoices: FindInvoices = async ({ subject }) => [`of ${subject}`]) {
  const port = await reservePort();
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const auth = createAuth({
    ...BASE,
    publicUrl: port.origin,
    cookieSessions: true,
    trustedIssuers: [issuer.policy],
  });
  port.serve(createApp(auth, findInvoices));
  const url = `${port.origin}/api/trpc`;
  const answers: Response[] = [];
  const open = (headers: Readonly<Record<string, string>> = {}, link: Link = httpBatchLink) =>
    createTRPCClient<AppRouter>({
      links: [
        link({
          url,
          headers: { ...headers },
          fetch: async (input, init) => {
            const response = await fetch(input as string, init as RequestInit);
            answers.push(response.clone());
            return response;
          },
        }),
      ],
    });
  const bearer = async (claims: Readonly<Record<string, unknown>> = {}) => ({
    authorization: `Bearer ${await issuer.mint({ sub: 'ada', ...claims })}`,
  });
  return { auth, issuer, origin: port.origin, url, open, bearer, answers };
}

/** What a call fails with. */
async function failureOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof TRPCClientError)) throw error;
  return error.data as unknown;
}

describe('the recipe for tRPC', () => {
  it.each(LINKS)('answers whoever has the scopes, by $name', async ({ link }) => {
    const { open, bearer } = await start();
    const client = open(await bearer({ scope: 'invoices:read invoices:write' }), link);
    expect(
      await Promise.all([client.motd.query(), client.me.query(), client.invoices.query()]),
    ).toMatchObject(['Hello.', { id: 'ada' }, ['of ada']]);
    expect(await client.pay.mutate({ invoice: '42' })).toBe('42 paid by ada');
  });

  it('refuses an anonymous caller what is not public, call by call', async () => {
    const { open, answers } = await start();
    const client = open();
    const [motd, me] = await Promise.allSettled([client.motd.query(), client.me.query()]);
    expect(motd).toMatchObject({ value: 'Hello.' });
    expect(me).toMatchObject({ reason: { data: { code: 'UNAUTHORIZED', httpStatus: 401 } } });
    expect(answers.map(({ status }) => status)).toEqual([207]);
  });

  it('says FORBIDDEN, and which scope, to a token that does not reach', async () => {
    const { open, bearer, answers } = await start();
    expect(await failureOf(open(await bearer()).invoices.query())).toMatchObject({
      code: 'FORBIDDEN',
      problem: { code: 'INSUFFICIENT_SCOPE', scope: 'invoices:read' },
    });
    expect(answers[0]?.status).toBe(403);
    expect(answers[0]?.headers.get('www-authenticate')).toContain('scope="invoices:read"');
  });

  it('says which refusal it was, of a bad token also for a call that is public', async () => {
    const { open, bearer } = await start();
    const { authorization } = await bearer();
    const client = open({ authorization: `${authorization}x` });
    expect(await failureOf(client.motd.query())).toMatchObject({
      code: 'UNAUTHORIZED',
      problem: { code: 'INVALID_TOKEN' },
    });
  });

  it.each(LINKS)(
    'answers a bad token with 401 and its challenge, by $name, also where answers are streamed',
    async ({ link }) => {
      const { open, bearer, answers } = await start();
      const { authorization } = await bearer();
      await failureOf(open({ authorization: `${authorization}x` }, link).motd.query());
      expect(answers[0]?.status).toBe(401);
      expect(answers[0]?.headers.get('www-authenticate')).toContain('error="invalid_token"');
      expect(answers[0]?.headers.get('cache-control')).toBe('no-store');
    },
  );

  it('answers an outage with 503 and Retry-After', async () => {
    const { open, bearer, issuer, answers } = await start();
    const headers = await bearer();
    issuer.goDown();
    expect(await failureOf(open(headers).motd.query())).toMatchObject({
      code: 'SERVICE_UNAVAILABLE',
    });
    expect(answers[0]?.status).toBe(503);
    expect(Number(answers[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it.each([
    { thrown: new Error('connect ECONNREFUSED 10.0.0.7:5432'), message: 'Internal server error' },
    {
      thrown: new TRPCError({ code: 'INTERNAL_SERVER_ERROR', message: 'The year is closed.' }),
      message: 'The year is closed.',
    },
  ])('answers $thrown of a procedure with $message', async ({ thrown, message }) => {
    const logged = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    onTestFinished(() => logged.mockRestore());
    const { url, bearer } = await start(() => Promise.reject(thrown));
    const headers = await bearer({ scope: 'invoices:read' });
    const response = await fetch(`${url}/invoices`, { headers });
    expect(response.status).toBe(500);
    const text = await response.text();
    expect(JSON.parse(text)).toMatchObject({ error: { message } });
    expect(text).not.toMatch(/10\.0\.0\.7|app\.ts/);
    expect(logged.mock.calls).toEqual([[thrown]]);
  });

  it('refuses a batch of too many calls', async () => {
    const { url } = await start();
    const paths = Array.from({ length: 21 }, () => 'motd').join(',');
    expect((await fetch(`${url}/${paths}?batch=1`)).status).toBe(400);
  });
});

describe('the recipe for tRPC with the session cookie', () => {
  async function signedIn() {
    const world = await start();
    const user = await world.auth.users.create({ username: 'ada' });
    const { name, value } = await sessionCookie(world, user);
    return { ...world, cookie: `${name}=${value}` };
  }

  it('knows the user, and takes mutations from a page of its own only', async () => {
    const { open, cookie, origin } = await signedIn();
    expect(await open({ cookie }).me.query()).toMatchObject({ username: 'ada' });
    const pay = (from: string) =>
      failureOf(open({ cookie, origin: from }).pay.mutate({ invoice: '42' }));
    expect(await pay(origin)).toMatchObject({ problem: { code: 'INSUFFICIENT_SCOPE' } });
    expect(await pay('https://evil.example')).toMatchObject({
      problem: { code: 'CROSS_SITE_REQUEST' },
    });
  });
});

describe('the recipe for tRPC with createAuthClient()', () => {
  it.each(LINKS)(
    'renews a token that is refused, and repeats the batch, by $name',
    async ({ link }) => {
      const { origin, issuer } = await start();
      const token = await issuer.mint({ sub: 'ada' });
      const tokens = [`${token}x`, token];
      const authClient = createAuthClient({
        baseUrl: `${origin}/api`,
        tokenSource: () => tokens.shift() ?? '',
      });
      const client = createTRPCClient<AppRouter>({
        links: [
          link({
            url: '/trpc',
            fetch: (path, init) => authClient.fetch(path as string, init as RequestInit),
          }),
        ],
      });
      const [me, motd] = await Promise.all([client.me.query(), client.motd.query()]);
      expect([me.id, motd]).toEqual(['ada', 'Hello.']);
    },
  );
});
