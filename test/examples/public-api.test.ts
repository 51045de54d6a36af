import { execFile, spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createAuth } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createApp } from '../../examples/public-api/app.js';
import { createDemo } from '../../examples/public-api/demo/create-demo.js';
import { createProjects } from '../../examples/public-api/projects.js';
import { buildPackage, root } from '../package/build-package.js';
import { plainEnvironment, stop } from '../package/start-script.js';
import { BASE, type Tokens } from '../world/auth-server.js';
import { createClock } from '../world/clock.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { listen, serve } from '../world/serve.js';
import { compiledExamples } from './compiled-examples.js';
import { pasteLines, shellBlock } from './pasted-lines.js';
import { startCompiled } from './started-example.js';

const run = promisify(execFile);
const missing = ['python3', 'curl'].filter((tool) => spawnSync(tool, ['--version']).status !== 0);
if (missing.length > 0) console.log(`Left out: clients, for there is no ${missing.join(', no ')}.`);

type World = Awaited<ReturnType<typeof startWorld>>;

/** The example as its one command makes it, on a clock that stands still. */
async function startWorld(env: Readonly<Record<string, string>> = {}) {
  let app: Awaited<ReturnType<typeof createDemo>>['app'] | undefined;
  const served = await listen((request, response) => app?.(request, response));
  const origin = `http://localhost:${new URL(served.origin).port}`;
  const clock = createClock();
  const demo = await createDemo(origin, { AUTH_RATE_LIMIT: '1000/1s', ...env }, { now: clock.now });
  app = demo.app;

  /** As a script does: by a link that comes back with a code. */
  async function signIn(login: string): Promise<Tokens> {
    const browser = createHttpBrowser();
    const query = new URLSearchParams({ login_hint: login, mode: 'code', returnTo: '/' });
    const { url } = await browser.open(`${origin}/auth/login/github?${query.toString()}`);
    const code = new URL(url).searchParams.get('auth_code');
    const { body } = await browser.fetch(`${origin}/auth/exchange`, { json: { code } });
    return JSON.parse(body) as Tokens;
  }
  async function call(request: string, credential: Headers = {}, body?: object): Promise<Answer> {
    const [method = '', path = ''] = request.split(' ');
    const response = await fetch(origin + path, {
      method,
      headers: { ...credential, ...(body && { 'Content-Type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const content: unknown = text === '' ? undefined : JSON.parse(text);
    return { status: response.status, headers: response.headers, body: content };
  }
  const projects = (await call('GET /api/projects', bearer(await signIn('ada')))).body as Project[];
  const idOf = (name: string): string => projects.find((each) => each.name === name)?.id ?? '';
  async function makeKey(name: string, as: Headers, wishes: object = {}): Promise<MadeKey> {
    const made = await call(`POST /api/projects/${idOf(name)}/keys`, as, { name: 'CI', ...wishes });
    return made.body as MadeKey;
  }
  const close = async (): Promise<void> => {
    await served.close();
    await demo.auth.close();
  };
  return { origin, clock, signIn, call, idOf, makeKey, close };
}

type Headers = Readonly<Record<string, string>>;
interface Answer {
  readonly status: number;
  readonly headers: globalThis.Headers;
  readonly body: unknown;
}
interface Project {
  readonly id: string;
  readonly name: string;
}
interface MadeKey {
  readonly id: string;
  readonly key: string;
}

const bearer = ({ access_token: token }: Pick<Tokens, 'access_token'>): Headers => ({
  Authorization: `Bearer ${token}`,
});
const apiKey = (key: string): Headers => ({ 'X-API-Key': key });

/** Word for word: clients compare these. */
const NO_HEADER = { error: 'Unauthorized', message: 'Missing or invalid Authorization header' };
const BAD_TOKEN = { error: 'Unauthorized', message: 'Invalid or expired token' };

const PUBLIC = [
  {
    id: expect.any(String) as string,
    name: 'Analytical Engine',
    description: 'Programs on punched cards.',
    private: false,
    owner: 'ada',
  },
  {
    id: expect.any(String) as string,
    name: 'A-0',
    description: 'Compiles subroutines that are kept on tape.',
    private: false,
    owner: 'grace',
  },
];
const NOTES = {
  id: expect.any(String) as string,
  name: 'Note G',
  description: 'Bernoulli numbers, not yet published.',
  private: true,
  owner: 'ada',
};

let shared: World;
/** By who sends it. */
let credentials: Readonly<Record<string, Headers>>;
beforeAll(async () => {
  await buildPackage();
  shared = await startWorld();
  const ada = bearer(await shared.signIn('ada'));
  const { key } = await shared.makeKey('Note G', ada);
  credentials = {
    nobody: {},
    'another scheme': { Authorization: 'Basic YWRhOnNlY3JldA==' },
    'no token behind Bearer': { Authorization: 'Bearer' },
    'a made-up token': { Authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.c2ln' },
    'a made-up key': apiKey('lk_dev_0000000000000000_00000000000000000000000000000000000000'),
    ada,
    grace: bearer(await shared.signIn('grace')),
    'the key of Note G': apiKey(key),
    both: { ...ada, ...apiKey(key) },
  };
}, 120_000);
afterAll(() => shared.close());

/** What clients of the server before this one send, and what they are answered. `{Name}` stands for the project's id. */
const recorded: readonly (readonly [
  who: string,
  request: string,
  status: number,
  body: unknown,
])[] = [
  ['nobody', 'GET /auth/me', 401, NO_HEADER],
  ['another scheme', 'GET /auth/me', 401, NO_HEADER],
  ['no token behind Bearer', 'GET /auth/me', 401, NO_HEADER],
  ['a made-up token', 'GET /auth/me', 401, BAD_TOKEN],
  ['nobody', 'GET /api/projects/mine', 401, NO_HEADER],
  ['a made-up token', 'GET /api/projects/mine', 401, BAD_TOKEN],
  ['nobody', 'POST /api/projects', 401, NO_HEADER],
  ['nobody', 'PATCH /api/projects/{A-0}', 401, NO_HEADER],
  ['nobody', 'PUT /api/projects/{A-0}', 401, NO_HEADER],
  ['nobody', 'DELETE /api/projects/{A-0}', 401, NO_HEADER],
  ['a made-up key', 'PATCH /api/projects/{A-0}', 401, BAD_TOKEN],
  ['nobody', 'GET /api/projects/{A-0}/keys', 401, NO_HEADER],
  ['nobody', 'POST /api/projects/{A-0}/keys', 401, NO_HEADER],
  ['a made-up token', 'DELETE /api/projects/{A-0}/keys/1', 401, BAD_TOKEN],

  ['nobody', 'GET /api/projects', 200, PUBLIC],
  ['another scheme', 'GET /api/projects', 200, PUBLIC],
  ['grace', 'GET /api/projects', 200, PUBLIC],
  ['ada', 'GET /api/projects', 200, [PUBLIC[0], NOTES, PUBLIC[1]]],
  ['a made-up token', 'GET /api/projects', 401, BAD_TOKEN],
  ['a made-up key', 'GET /api/projects', 401, BAD_TOKEN],
  ['ada', 'GET /api/projects/mine', 200, [PUBLIC[0], NOTES]],

  ['nobody', 'GET /api/projects/{A-0}/docs', 200, { docs: expect.stringMatching(/^# A-0/) }],
  ['a made-up token', 'GET /api/projects/{A-0}/docs', 401, BAD_TOKEN],
  [
    'nobody',
    'GET /api/projects/{A-0}/addresses',
    200,
    { addresses: ['https://a0.example.com', 'https://a0.example.org'] },
  ],
  ['a made-up key', 'GET /api/projects/{A-0}/addresses', 401, BAD_TOKEN],

  ['nobody', 'GET /api/projects/{Note G}', 404, refused('Not Found')],
  ['grace', 'GET /api/projects/{Note G}', 404, refused('Not Found')],
  ['ada', 'GET /api/projects/{Note G}', 200, NOTES],
  ['the key of Note G', 'GET /api/projects/{Note G}', 200, NOTES],
  ['grace', 'PATCH /api/projects/{Note G}', 404, refused('Not Found')],
  ['grace', 'DELETE /api/projects/{Analytical Engine}', 403, refused('Forbidden')],
  ['grace', 'GET /api/projects/{Analytical Engine}/keys', 403, refused('Forbidden')],

  ['the key of Note G', 'PATCH /api/projects/{Analytical Engine}', 403, refused('Forbidden')],
  ['the key of Note G', 'GET /api/projects', 403, refused('Forbidden')],
  ['the key of Note G', 'GET /api/projects/mine', 403, refused('Forbidden')],
  ['the key of Note G', 'POST /api/projects', 403, refused('Forbidden')],
  ['the key of Note G', 'GET /auth/me', 403, refused('Forbidden')],
  ['the key of Note G', 'GET /api/projects/{Note G}/keys', 401, BAD_TOKEN],
  ['both', 'GET /api/projects/{Note G}', 400, refused('Bad Request')],
  ['nobody', 'GET /api/nowhere', 404, refused('Not Found')],
];

function refused(error: string) {
  return { error, message: expect.any(String) as string };
}

describe('what clients know of the API', () => {
  it.each(recorded)('%s: %s → %d', async (...[who, request, status, body]) => {
    const path = request.replace(/\{(.+?)\}/, (_, name: string) => shared.idOf(name));
    const answer = await shared.call(path, credentials[who]);
    expect(answer).toMatchObject({ status, body });
    expect(answer.body).toEqual(body);
    expect(answer.headers.get('content-type')).toMatch(/^application\/json/);
    // A request with two credentials is challenged, too (RFC 6750 §3.1).
    expect(answer.headers.has('www-authenticate')).toBe([400, 401].includes(status));
  });

  it('a body that is no project is 400 in the same shape', async () => {
    const path = `${shared.origin}/api/projects/${shared.idOf('Note G')}`;
    const headers = { ...credentials['ada'], 'Content-Type': 'application/json' };
    for (const body of ['{', '[]', '{"name":7}', '{"ownerId":"18"}']) {
      const answer = await fetch(path, { method: 'PATCH', headers, body });
      expect(answer.status).toBe(400);
      expect(await answer.json()).toEqual(refused('Bad Request'));
    }
  });
});

it('a failure of the application is 500 in the same shape, of which clients learn nothing', async () => {
  const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
  onTestFinished(() => auth.close());
  const log = vi.spyOn(console, 'error').mockReturnValue();
  onTestFinished(() => log.mockRestore());
  const failure = new Error('the table of projects is gone');
  const projects = {
    ...createProjects(),
    visibleTo: () => {
      throw failure;
    },
  };
  const { origin } = await serve(createApp({ auth, projects, lenient: false }));
  const answer = await fetch(`${origin}/api/projects`);
  expect(answer.status).toBe(500);
  const body = await answer.text();
  expect(JSON.parse(body)).toEqual(refused('Internal Server Error'));
  expect(body).not.toContain('table');
  expect(log).toHaveBeenCalledExactlyOnceWith(failure);
});

/** A world of its own, for a test that changes it. */
async function world(env?: Readonly<Record<string, string>>): Promise<World> {
  const own = await startWorld(env);
  onTestFinished(own.close);
  return own;
}

describe('the token of a log-in with GitHub', () => {
  it('is an HS256 JWT for seven days, with the claims that clients read and the user id of before', async () => {
    const { clock, signIn, call } = await world();
    const tokens = await signIn('ada');
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 604_800 });
    const [header, claims] = tokens.access_token.split('.').slice(0, 2).map(decode);
    expect(header).toMatchObject({ alg: 'HS256' });
    const iat = clock.now() / 1000;
    expect(claims).toMatchObject({ sub: '17', username: 'ada', iat, exp: iat + 604_800 });
    const me = await call('GET /auth/me', bearer(tokens));
    expect(me.body).toMatchObject({ subject: '17', user: { id: '17', username: 'ada' } });
  });

  it('lives as long as AUTH_ACCESS_TTL says', async () => {
    const { clock, signIn } = await world({ AUTH_ACCESS_TTL: '1h' });
    const tokens = await signIn('grace');
    expect(tokens).toMatchObject({ expires_in: 3600 });
    expect(decode(tokens.access_token.split('.')[1] ?? '')).toMatchObject({
      exp: clock.now() / 1000 + 3600,
    });
  });

  it('is refused when its days are over, and the refresh token gets another one', async () => {
    const { clock, signIn, call } = await world();
    const tokens = await signIn('newcomer');
    clock.advance(604_790);
    expect((await call('GET /api/projects/mine', bearer(tokens))).status).toBe(200);
    clock.advance(20);
    const late = await call('GET /api/projects/mine', bearer(tokens));
    expect(late).toMatchObject({ status: 401, body: BAD_TOKEN });
    const { refresh_token } = tokens;
    const next = await call('POST /auth/refresh', {}, { refresh_token });
    expect(next).toMatchObject({ status: 200, body: { expires_in: 604_800 } });
    expect((await call('GET /api/projects/mine', bearer(next.body as Tokens))).status).toBe(200);
  });

  it('is refused at once when it was revoked, on every route that it opened', async () => {
    const { signIn, call } = await world();
    const tokens = await signIn('ada');
    const { refresh_token } = tokens;
    expect((await call('GET /api/projects/mine', bearer(tokens))).status).toBe(200);
    expect((await call('POST /auth/revoke', {}, { refresh_token })).status).toBe(200);
    for (const path of ['/auth/me', '/api/projects', '/api/projects/mine'])
      expect(await call(`GET ${path}`, bearer(tokens))).toMatchObject({
        status: 401,
        body: BAD_TOKEN,
      });
    expect((await call('POST /auth/refresh', {}, { refresh_token })).status).toBe(401);
  });
});

describe('an API key of a project', () => {
  it('is shown once, lists without its secret, and is deleted at any time', async () => {
    const { signIn, call, idOf } = await world();
    const ada = bearer(await signIn('ada'));
    const keys = `/api/projects/${idOf('Note G')}/keys`;
    const wanted = { name: 'nightly build', expires_in: 86_400 };
    const { status, body } = await call(`POST ${keys}`, ada, wanted);
    const { key, ...listed } = body as MadeKey;
    expect(status).toBe(201);
    expect(key).toMatch(/^lk_dev_/);
    expect(listed).toEqual({
      id: expect.any(String) as string,
      prefix: key.slice(0, 23),
      name: 'nightly build',
      created_at: '2027-01-15T08:00:00.000Z',
      expires_at: '2027-01-16T08:00:00.000Z',
      last_used_at: null,
    });
    expect((await call(`GET ${keys}`, ada)).body).toEqual({ keys: [listed] });
    const project = `GET /api/projects/${idOf('Note G')}`;
    expect((await call(project, apiKey(key))).status).toBe(200);
    // Neither by way of another project nor twice.
    const elsewhere = `DELETE /api/projects/${idOf('Analytical Engine')}/keys/${listed.id}`;
    expect((await call(elsewhere, ada)).status).toBe(404);
    expect((await call(`DELETE ${keys}/${listed.id}`, ada)).status).toBe(204);
    expect(await call(project, apiKey(key))).toMatchObject({ status: 401, body: BAD_TOKEN });
    expect((await call(`DELETE ${keys}/${listed.id}`, ada)).status).toBe(404);
    expect((await call(`GET ${keys}`, ada)).body).toEqual({ keys: [] });
  });

  it('ends by itself, while the token of its owner goes on', async () => {
    const { clock, signIn, call, idOf, makeKey } = await world();
    const ada = bearer(await signIn('ada'));
    const { key } = await makeKey('Note G', ada, { expires_in: 3600 });
    const project = `GET /api/projects/${idOf('Note G')}`;
    clock.advance(3595);
    expect((await call(project, apiKey(key))).status).toBe(200);
    clock.advance(6);
    expect(await call(project, apiKey(key))).toMatchObject({ status: 401, body: BAD_TOKEN });
    expect((await call(project, ada)).status).toBe(200);
  });

  it('changes and removes its project as the owner does, and ends with it', async () => {
    const { signIn, call, idOf, makeKey } = await world();
    const ada = bearer(await signIn('ada'));
    const { key } = await makeKey('Note G', ada);
    const { key: other } = await makeKey('Note G', ada);
    const project = `/api/projects/${idOf('Note G')}`;
    const whole = { name: 'Note G', description: 'Published.', private: false };
    expect(await call(`PUT ${project}`, apiKey(key), whole)).toMatchObject({
      status: 200,
      body: { ...whole, id: idOf('Note G'), owner: 'ada' },
    });
    expect((await call(`DELETE ${project}`, apiKey(key))).status).toBe(204);
    expect((await call(`GET ${project}`)).status).toBe(404);
    for (const ended of [key, other])
      expect((await call(`GET ${project}`, apiKey(ended))).status).toBe(401);
  });

  it.each([
    { title: 'no name', wanted: {} },
    { title: 'a life of a second', wanted: { name: 'CI', expires_in: 1 } },
    { title: 'a life that is no number', wanted: { name: 'CI', expires_in: 'soon' } },
  ])('is not made with $title', async ({ wanted }) => {
    const path = `POST /api/projects/${shared.idOf('Note G')}/keys`;
    const answer = await shared.call(path, credentials['ada'], wanted);
    expect(answer).toMatchObject({ status: 400, body: refused('Bad Request') });
  });
});

describe('the lenient option', () => {
  it('takes a bad credential like none on public routes, and on no other', async () => {
    const { call, idOf } = await world({ PROJECTS_LENIENT: 'true' });
    const bad = credentials['a made-up token'];
    expect((await call('GET /api/projects', bad)).body).toEqual(PUBLIC);
    expect((await call(`GET /api/projects/${idOf('A-0')}/docs`, bad)).status).toBe(200);
    expect((await call(`GET /api/projects/${idOf('Note G')}`, bad)).status).toBe(404);
    expect((await call('GET /api/projects/mine', bad)).status).toBe(401);
  });
});

function decode(part: string): unknown {
  return JSON.parse(Buffer.from(part, 'base64url').toString());
}

describe.skipIf(missing.length > 0)('clients in CI', () => {
  const python = (args: readonly string[], env: Headers) =>
    run('python3', ['examples/public-api/client.py', shared.origin, ...args], {
      cwd: root,
      env: { ...plainEnvironment(), ...env },
    });

  it('in Python read and change a project with its key, until it is deleted', async () => {
    const ada = credentials['ada'] ?? {};
    const { key, id } = await shared.makeKey('Analytical Engine', ada);
    const project = shared.idOf('Analytical Engine');
    const env = { PROJECTS_API_KEY: key };
    const told = await python(['describe', project, 'Programs on punched cards.'], env);
    expect(JSON.parse(told.stdout)).toEqual({ ...PUBLIC[0], id: project });
    await shared.call(`DELETE /api/projects/${project}/keys/${id}`, ada);
    await expect(python(['show', project], env)).rejects.toMatchObject({
      code: 1,
      stderr: '401 Unauthorized: Invalid or expired token\n',
    });
  });

  it('in Python see with a token what its user may see', async () => {
    const env = { PROJECTS_TOKEN: credentials['ada']?.['Authorization']?.slice(7) ?? '' };
    const { stdout } = await python(['list'], env);
    expect(JSON.parse(stdout)).toContainEqual(NOTES);
  });

  it('in Python wait when they are told to, then try again, and say what a proxy refuses', async () => {
    const asked: number[] = [];
    const { origin } = await serve((_req, res) => {
      asked.push(performance.now());
      if (asked.length === 1) res.writeHead(429, { 'retry-after': '1' }).end('{}');
      else if (asked.length === 2) res.end('[]');
      else res.writeHead(503, { 'content-type': 'text/html' }).end('<h1>Down</h1>');
    });
    const list = () =>
      run('python3', ['examples/public-api/client.py', origin, 'list'], {
        cwd: root,
        env: plainEnvironment(),
      });
    expect((await list()).stdout).toBe('[]\n');
    const [first = 0, second = 0] = asked;
    expect(second - first).toBeGreaterThanOrEqual(1000);
    await expect(list()).rejects.toMatchObject({ stderr: '503 Service Unavailable\n' });
    expect(asked).toHaveLength(3);
  });

  it('by curl get JSON for a key, and status 22 for a wrong one', async () => {
    const key = credentials['the key of Note G']?.['X-API-Key'] ?? '';
    const url = `${shared.origin}/api/projects/${shared.idOf('Note G')}`;
    const { stdout } = await run('curl', ['-sf', '-H', `X-API-Key: ${key}`, url]);
    expect(JSON.parse(stdout)).toEqual(NOTES);
    const wrong = `X-API-Key: ${key}0`;
    await expect(run('curl', ['-sf', '-H', wrong, url])).rejects.toMatchObject({ code: 22 });
  });
});

describe.skipIf(missing.length > 0)('the README', () => {
  it('has curl lines that are answered as their comments say', async () => {
    const { origin } = await world();
    const readme = await readFile(join(root, 'examples/public-api/README.md'), 'utf8');
    const lines = shellBlock(readme, 'API=').replace('http://localhost:3000', origin);
    const { announced, answered, stdout } = await pasteLines(lines);
    expect(announced).toHaveLength(12);
    expect(answered).toEqual(announced);
    expect(stdout).toContain('"description":"Built last night."');
  });
});

describe('GitHub', () => {
  it('signs people in when there is a client id, and nobody stands in for it', async () => {
    const own = await world();
    const { origin } = own;
    const real = await createDemo(origin, {
      AUTH_GITHUB_CLIENT_ID: 'Iv1.1234567890abcdef',
      AUTH_GITHUB_CLIENT_SECRET: 'from the environment',
    });
    const served = await listen(real.app);
    onTestFinished(async () => {
      await served.close();
      await real.auth.close();
    });
    const login = await fetch(`${served.origin}/auth/login/github`, { redirect: 'manual' });
    const to = new URL(login.headers.get('location') ?? '');
    expect(to.origin).toBe('https://github.com');
    expect(to.searchParams.get('redirect_uri')).toBe(`${origin}/auth/callback/github`);
    expect((await fetch(`${served.origin}/github-stand-in/login/oauth/authorize`)).status).toBe(
      404,
    );
  });

  it('has no stand-in in production', async () => {
    await expect(createDemo('http://localhost', { NODE_ENV: 'production' })).rejects.toThrow(
      /AUTH_GITHUB_CLIENT_ID/,
    );
  });
});

describe('the one command', () => {
  const serverOf = compiledExamples();

  it('starts the example with nothing set, and ends it on SIGTERM', async () => {
    const { script, printed } = startCompiled(serverOf('public-api'));
    const address = await printed(/http:\/\/localhost:\d+(?=\/)/);
    const answer = await fetch(`${address}/api/projects`);
    expect(await answer.json()).toEqual(PUBLIC);
    expect(await stop(script)).toBe(0);
    expect(script.output.stderr).toBe('');
  }, 60_000);
});
