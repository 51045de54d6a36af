import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type AuthOptions, createAuth, type Mail, memoryStore } from 'latchkey';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { createHandler, type LambdaEvent } from '../../../examples/recipes/serverless/app.js';
import { addUser, BASE, bearer, PASSWORD, SECRET, type Tokens } from '../../world/auth-server.js';
import { bundle } from '../../world/bundle.js';
import { root } from '../../package/build-package.js';
import { type Ask, eventSources, type LambdaAnswer } from './lambda-events.js';

const WEB = {
  'sec-fetch-site': 'same-origin',
  origin: 'https://app.example.com',
  'content-type': 'application/json',
};

const login = (more: object = {}): Ask => ({
  method: 'POST',
  path: '/api/auth/login',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ username: 'ada', password: PASSWORD, ...more }),
});

async function start(options: AuthOptions = {}, mailMs = 0) {
  let now = Date.now();
  const auth = createAuth({
    ...BASE,
    publicUrl: 'https://app.example.com',
    now: () => now,
    ...options,
  });
  onTestFinished(() => auth.close());
  const mails: Mail[] = [];
  const sendMail = async (mail: Mail): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    mails.push(mail);
  };
  const handler = createHandler({ auth, sendMail, mailMs });
  return {
    ...{ auth, mails },
    advance: (seconds: number) => void (now += seconds * 1000),
    invoke: async (event: LambdaEvent): Promise<LambdaAnswer> =>
      // As the platform does, which knows JSON only.
      JSON.parse(JSON.stringify(await handler(JSON.parse(JSON.stringify(event))))) as LambdaAnswer,
  };
}

const tokensOf = ({ body }: LambdaAnswer) => JSON.parse(body) as Tokens;

describe.each(eventSources)('the Lambda recipe behind a $name', ({ event, cookiesOf, twice }) => {
  it.each([false, true])('signs in by JSON and answers with it (base64: %s)', async (isBase64) => {
    const { auth, invoke } = await start();
    await addUser({ auth }, { username: 'ada' });
    const answer = await invoke(event({ ...login(), isBase64 }));
    expect(answer).toMatchObject({ statusCode: 200, isBase64Encoded: false });
    const headers = bearer(tokensOf(answer));
    const me = await invoke(event({ path: '/api/me', headers }));
    expect(JSON.parse(me.body)).toMatchObject({ username: 'ada' });
  });

  it('delivers each of several cookies, takes them back, and signs out without a body', async () => {
    const { auth, invoke } = await start();
    await addUser({ auth }, { username: 'ada' });
    const signedIn = await invoke(event({ ...login({ delivery: 'cookie' }), headers: WEB }));
    const cookies = cookiesOf(signedIn);
    expect(cookies.map((line) => line.split('=')[0])).toEqual([
      '__Host-latchkey-device',
      '__Host-latchkey-session',
    ]);
    const pairs = cookies.map((line) => line.split(';')[0] ?? '');
    for (const cookie of [pairs.join('; '), pairs, pairs.toReversed()]) {
      const me = await invoke(event({ path: '/api/me', headers: { ...WEB, cookie } }));
      expect(me.statusCode).toBe(200);
    }
    const { 'content-type': _, ...bodiless } = { ...WEB, cookie: pairs.join('; ') };
    const out = await invoke(
      event({ method: 'POST', path: '/api/auth/logout', headers: bodiless }),
    );
    expect(out.statusCode).toBe(204);
    const after = await invoke(event({ path: '/api/me', headers: bodiless }));
    expect(after.statusCode).toBe(401);
  });

  it('refuses with challenge and problem, also a token that comes twice', async () => {
    const { auth, invoke } = await start();
    await addUser({ auth }, { username: 'ada' });
    const { authorization = '' } = bearer(tokensOf(await invoke(event(login()))));
    const headersOf = ({ headers, multiValueHeaders }: LambdaAnswer) => ({
      ...Object.fromEntries(
        Object.entries(multiValueHeaders ?? {}).map(([name, values]) => [name, values.join(', ')]),
      ),
      ...headers,
    });
    const anonymous = await invoke(event({ path: '/api/me' }));
    expect(anonymous.statusCode).toBe(401);
    expect(headersOf(anonymous)).toMatchObject({
      'content-type': 'application/problem+json',
      'www-authenticate': 'Bearer realm="api"',
    });
    const headers = { authorization: [authorization, authorization] };
    expect((await invoke(event({ path: '/api/me', headers }))).statusCode).toBe(twice);
  });

  it('hands queries over as the client meant them', async () => {
    const { invoke } = await start();
    const page = await invoke(
      event({
        path: '/api/auth/signin',
        query: 'returnTo=%2Freports%3Fq%3D50%2525&locale=en',
        headers: { 'sec-fetch-mode': 'navigate', accept: 'text/html' },
      }),
    );
    expect(page.statusCode).toBe(200);
    expect(page.body).toContain('value="/reports?q=50%25"');
  });

  it('limits each address by itself, which a client can’t choose', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    onTestFinished(() => warned.mockRestore());
    const { invoke } = await start({ rateLimit: { max: 2, windowSeconds: 60 } });
    const ask = async (sourceIp: string, written?: string) =>
      (
        await invoke(
          event({
            ...login(),
            sourceIp,
            headers: {
              'content-type': 'application/json',
              ...(written !== undefined && { 'X-Forwarded-For': written }),
            },
          }),
        )
      ).statusCode;
    expect([await ask('203.0.113.7'), await ask('203.0.113.7')]).toEqual([401, 401]);
    expect(await ask('203.0.113.7', '192.0.2.99')).toBe(429);
    expect(await ask('203.0.113.8', '203.0.113.7')).toBe(401);
    expect(JSON.stringify(warned.mock.calls)).not.toContain('ERR_ERL');
  });
});

const [rest, http, balancer] = eventSources;

describe('the Lambda recipe', () => {
  it.each([
    { source: rest, id: 'c6af9ac6-7b61-11e6-9a41-93e8deadbeef' },
    { source: http, id: 'JKJaXmPLvHcESHA=' },
  ])('gives requests the id that a $source.name has given them', async ({ source, id }) => {
    const { invoke } = await start();
    const answer = await invoke(source?.event({ path: '/api/me' }) ?? { requestContext: {} });
    expect(answer.headers).toMatchObject({ 'x-request-id': id });
    expect(JSON.parse(answer.body)).toMatchObject({ request_id: id });
  });

  it.each([
    { addresses: ['203.0.113.7:4001', '203.0.113.7:4002', '203.0.113.7:4003'] },
    { addresses: ['[2001:db8::7]:4001', '[2001:db8::7]:4002', '[2001:db8::7]:4003'] },
    { addresses: ['2001:db8::7', '2001:db8::7', '2001:db8::7'] },
  ])(
    'counts $addresses.0 behind a load balancer as one client, whatever its port',
    async (given) => {
      const { invoke } = await start({ rateLimit: { max: 2, windowSeconds: 60 } });
      const statuses: number[] = [];
      for (const sourceIp of given.addresses) {
        const event = balancer?.event({ ...login(), sourceIp }) ?? { requestContext: {} };
        statuses.push((await invoke(event)).statusCode);
      }
      expect(statuses).toEqual([401, 401, 429]);
    },
  );

  it('fails at once behind a load balancer that would lose cookies', async () => {
    const { invoke } = await start();
    const single = { path: '/api/me', headers: {}, requestContext: { elb: {} } };
    await expect(invoke(single)).rejects.toThrow('multi_value_headers');
  });

  const forgot = (email: string): LambdaEvent =>
    http?.event({
      ...login(),
      path: '/api/auth/forgot-password',
      body: JSON.stringify({ email }),
    }) ?? { requestContext: {} };

  it('has sent the mails before the process is frozen', async () => {
    const { auth, invoke, mails } = await start();
    await addUser({ auth }, { username: 'ada', email: 'ada@example.com' });
    expect((await invoke(forgot('ada@example.com'))).statusCode).toBe(202);
    expect(mails.map(({ kind }) => kind)).toEqual(['password_reset']);
  });

  it('takes the time that a mail takes also for an address that nobody has', async () => {
    const { invoke, mails } = await start({}, 60);
    const began = performance.now();
    expect((await invoke(forgot('nobody@example.com'))).statusCode).toBe(202);
    expect(performance.now() - began).toBeGreaterThan(58);
    expect(mails).toEqual([]);
  });

  it('knows after a long sleep which sessions another process has ended meanwhile', async () => {
    const store = memoryStore();
    const { onRevoked: _, ...deaf } = store.sessions;
    const shared = { store: { ...store, sessions: deaf }, accessTtlSeconds: 3600 };
    const [awake, asleep] = [await start(shared), await start(shared)];
    const ada = await addUser(awake, { username: 'ada' });
    const tokens = tokensOf(await awake.invoke(http?.event(login()) ?? { requestContext: {} }));
    const me = http?.event({ path: '/api/me', headers: bearer(tokens) }) ?? { requestContext: {} };
    expect((await asleep.invoke(me)).statusCode).toBe(200);
    await awake.auth.sessions.revoke({ userId: ada.id }, 'test');
    asleep.advance(600);
    expect((await asleep.invoke(me)).statusCode).toBe(401);
  });

  it('starts from its environment, and keeps no process alive when it has answered', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'latchkey-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const event = JSON.stringify(http?.event({ path: '/api/me' }));
    const script = `${await bundle('examples/recipes/serverless/lambda.ts')}
      console.log(JSON.stringify(await handler(${event})));`;
    const running = promisify(execFile)(process.execPath, ['--input-type=module'], {
      cwd: root,
      timeout: 55_000,
      env: {
        PATH: process.env['PATH'],
        NODE_ENV: 'production',
        AUTH_PUBLIC_URL: 'https://app.example.com',
        AUTH_STORE_URL: `file:${folder}/auth.db`,
        AUTH_JWT_SECRET: SECRET,
      },
    });
    running.child.stdin?.end(script);
    const { stdout, stderr } = await running;
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ statusCode: 401 });
  }, 60_000);
});
