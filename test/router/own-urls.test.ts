import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type AuthOptions, createAuth } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { addUser, BASE, PASSWORD } from '../world/auth-server.js';
import { expressVersions } from '../world/express-versions.js';
import { serve } from '../world/serve.js';

interface Ask {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

interface Answer {
  readonly status: number;
  readonly location: string;
  readonly body: string;
}

/** A request line as it is written here: `fetch` would take `//evil.example/x` for another host. */
function ask(origin: string, path: string, { method, headers = {}, body }: Ask): Promise<Answer> {
  const { hostname, port } = new URL(origin);
  const forged = { host: 'evil.example', 'x-forwarded-host': 'evil.example', ...headers };
  return new Promise((resolve, reject) => {
    const options = { hostname, port, path, method: method ?? 'GET', headers: forged };
    const outgoing = request(options, (response) => {
      const { statusCode: status = 0, headers: answered } = response;
      text(response).then(
        (content) => resolve({ status, location: answered.location ?? '', body: content }),
        reject,
      );
    });
    outgoing.on('error', reject).end(body);
  });
}

describe.each(expressVersions)('URLs of the router under $name', ({ name, express }) => {
  async function start(mount: string | RegExp, { isCaseSensitive = false, ...options }: Options) {
    const auth = createAuth({
      ...BASE,
      publicUrl: 'https://app.example.com',
      github: { clientId: 'ours', clientSecret: 'only-ever-known-here' },
      ...options,
    });
    const app = express();
    app.set('case sensitive routing', isCaseSensitive);
    app.use(mount, auth.router());
    app.use(auth.errorHandler());
    app.use((_req, res) => void res.status(404).send('the application’s own'));
    const { origin } = await serve(app);
    await addUser({ auth });
    return origin;
  }

  /** Everything the router says of where it is, when it is asked at this path. */
  async function urlsAt(origin: string, at: string): Promise<readonly string[]> {
    const json = async (path: string, given: Ask = {}): Promise<Record<string, unknown>> =>
      JSON.parse((await ask(origin, `${at}${path}`, given)).body) as Record<string, unknown>;
    const page = await ask(origin, `${at}/signin`, {});
    const main = page.body.slice(page.body.indexOf('<main>'));
    const links = [...main.matchAll(/(?:action|href)="([^"]*)"/g)].map(([, url]) => url ?? '');
    const toProvider = await ask(origin, `${at}/login/github`, {});
    const redirectUri = new URL(toProvider.location).searchParams.get('redirect_uri') ?? '';
    const form = await ask(origin, `${at}/callback/github`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'code=a&state=b',
    });
    const { providers } = (await json('/providers')) as {
      providers: readonly { login_url: string }[];
    };
    const { access_token: token } = await json('/login', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username: 'alice', password: PASSWORD }),
    });
    const { logout_url: logout } = await json('/session', {
      headers: { authorization: `Bearer ${String(token)}` },
    });
    const loginUrls = providers.map(({ login_url: url }) => url);
    return [...links, redirectUri, form.location, ...loginUrls, String(logout)];
  }

  /** How each of them begins when the router is there. */
  const beginnings = (mount: string): readonly string[] => [
    `${mount}/signin?`,
    `${mount}/login/github?`,
    `https://app.example.com${mount}/callback/github`,
    `${mount}/callback/github?code=a&state=b`,
    `${mount}/login/github`,
    `${mount}/logout?session=`,
  ];

  it.each([
    { mount: '/api/auth', at: '/api/auth', under: '/api/auth' },
    { mount: '/api/auth', at: '/API/Auth', under: '/api/auth' },
    { mount: '/', at: '', under: '' },
    { mount: '/:tenant/auth', at: '/Acme/AUTH', under: '/Acme/auth' },
    { mount: /^\/(t-\w+)\/auth/i, at: '/t-One/AUTH', under: '/t-One/auth' },
    { mount: /^(?:\/(t-\w+))?\/auth/i, at: '/AUTH', under: '/auth' },
    { mount: '/Auth', at: '/AUTH', under: '/Auth', basePath: '/Auth' },
    { mount: '/', at: '', under: '/behind/a/proxy', basePath: '/behind/a/proxy/' },
    { mount: '/auth', at: '/auth', under: '', basePath: '/' },
    { mount: /^\/.*\/auth/, at: '//evil.example/auth', under: '/auth', basePath: '/auth' },
    { mount: '/Auth', at: '/Auth', under: '/Auth', isCaseSensitive: true },
    { mount: '/Auth', at: '/aUTH', under: '/Auth' },
    { mount: '/auth', at: '/auth', under: '/app/auth', publicUrl: 'https://app.example.com/app' },
    { mount: '/auth', at: '/auth', under: '/App/auth', publicUrl: 'https://app.example.com/App/' },
    {
      mount: '/app/auth',
      at: '/APP/auth',
      under: '/app/auth',
      publicUrl: 'https://app.example.com/app',
    },
    {
      mount: '/:tenant/auth',
      at: '/Acme/auth',
      under: '/app/Acme/auth',
      publicUrl: 'https://app.example.com/app',
    },
    {
      mount: '/',
      at: '',
      under: '/app/auth',
      basePath: '/auth',
      publicUrl: 'https://app.example.com/app',
    },
  ])(
    'W5 mounted at $mount and asked at $at, they begin with $under',
    async ({ mount, at, under, ...options }) => {
      const urls = await urlsAt(await start(mount, options), at);
      const expected = beginnings(under);
      expect(urls.map((url, index) => url.slice(0, expected[index]?.length))).toEqual(expected);
    },
  );

  const wildcards: readonly (string | RegExp)[] = [
    /^\/.*\/auth/,
    /^.*auth/,
    name === 'Express 4' ? '*/auth' : '/*splat/auth',
  ];

  it.each(wildcards)(
    'W5 a path that a browser could take for another host is not ours under the wildcard %s',
    async (mount) => {
      const origin = await start(mount, {});
      for (const at of [
        '//evil.example/auth',
        '///evil.example/auth',
        '/\\evil.example/auth',
        '/.//evil.example/auth',
        '/a/..//evil.example/auth',
        '/%5cevil.example/auth',
        '/%09/evil.example/auth',
      ])
        expect([at, await ask(origin, `${at}/signin`, {})]).toMatchObject([at, { status: 404 }]);
      expect((await ask(origin, '/any/auth/signin', {})).status).toBe(200);
    },
  );
});

interface Options extends AuthOptions {
  readonly isCaseSensitive?: boolean;
}
