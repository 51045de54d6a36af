import { describe, expect, it } from 'vitest';
import { createAppFolder } from '../../world/app-folder.js';
import { SECRET } from '../../world/auth-server.js';
import { latchkey } from '../../world/command-line.js';

const { write } = createAppFolder();

const options = {
  secret: SECRET,
  jwt: { secret: SECRET },
  publicUrl: 'http://localhost:3000',
  cookieSessions: true,
};
/** An application with these lines, which prints a line of its own and opens what would keep a process alive. */
const application = (lines: string): string => `
  import express from 'express';
  import { createAuth } from 'latchkey';
  const auth = createAuth(${JSON.stringify(options)});
  const app = express();
  const handler = (req, res) => res.end();
  ${lines}
  process.stdout.write('listening soon\\n');
  setInterval(() => {}, 1e6).unref();
  app.listen(3000);`;

const healthy = application(`
  app.get('/health', handler).get('/public/a', handler).get('/public/b', handler);
  app.use('/auth', auth.router());
  app.get('/invoices/:id', auth.requireAuth(), auth.orgContext(), auth.requireScopes('invoices:read'), handler);
  app.post('/roles', auth.requireAuth(), auth.orgContext(), auth.requireRoles('owner', 'admin', { of: 'org', match: 'any' }), handler);`);
const allows = ['--allow', '/health', '--allow', 'GET /public/*'];

const broken = application(`
  app.get('/scopes', auth.requireScopes('a'), auth.requireAuth(), handler);
  app.get('/health', handler);
  app.get('/debug', handler);
  app.get('/debug/all', handler);`);

async function list(source: string, args: readonly string[] = [], surroundings = {}) {
  const outcome = await latchkey(['routes', write(source), ...args], surroundings);
  return { ...outcome, lines: outcome.stdout.split('\n') };
}

it('lists every route with its guards in their order, aligned', async () => {
  const { code, lines, stderr } = await list(healthy, allows);
  expect(lines.slice(0, 7)).toEqual([
    '  METHOD  PATH           CSRF     GUARDS',
    '  GET     /health        -        no guard, allowed',
    '  GET     /public/a      -        no guard, allowed',
    '  GET     /public/b      -        no guard, allowed',
    '  ALL     /auth/*        covered  auth.router()',
    '  GET     /invoices/:id  -        requireAuth → orgContext → requireScopes(invoices:read)',
    '  POST    /roles         covered  requireAuth → orgContext → requireRoles(org: owner | admin)',
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: 'listening soon\n' });
});

it('folds between guards where the terminal is narrow', async () => {
  const { lines } = await list(healthy, [], { columns: 80 });
  expect(lines).toContain('   GET     /invoices/:id  -        requireAuth → orgContext →');
  expect(lines).toContain(`${' '.repeat(35)}requireScopes(invoices:read)`);
  const narrow = await list(healthy, [], { columns: 60 });
  expect(narrow.lines).toContain(`${' '.repeat(15)}requireScopes(invoices:read)`);
  const tiny = await list(healthy, [], { columns: 20 });
  expect(tiny.stdout).toContain('requireScopes(invoices:read)');
});

it('marks what is to be changed, in colour on a terminal, and says how', async () => {
  const surroundings = { isTty: { stdout: true, stderr: false } };
  const { stdout, lines } = await list(broken, ['--allow', '/health'], surroundings);
  const marked = lines.flatMap((line) => /\[(\d+)m! +(\S+ +\S+)/.exec(line)?.slice(1) ?? []);
  expect(marked).toEqual([
    '33',
    'GET     /scopes',
    '31',
    'GET     /debug',
    '31',
    'GET     /debug/all',
  ]);
  expect(stdout).toMatch(
    /unguarded: .*\n {2}GET \/debug\n {2}GET \/debug\/all\n {2}To change it: /,
  );
  expect(stdout).toMatch(/guard_before_auth: .*\n.*\n {2}GET \/scopes\n {2}To change it: /);
  expect(stdout).toContain('Routes: 4, without a guard: 2, and 1 allowed');
});

it('--json prints one object', async () => {
  const { stdout, stderr } = await list(broken, ['--json', '--allow', '/health', '--allow', '/x']);
  const { routes, ...report } = JSON.parse(stdout) as { readonly routes: readonly object[] };
  expect(report).toEqual({
    version: 1,
    findings: [
      {
        finding: 'guard_before_auth',
        says: expect.any(String),
        fix: expect.any(String),
        routes: ['GET /scopes'],
      },
      {
        finding: 'unguarded',
        says: expect.any(String),
        fix: expect.any(String),
        routes: ['GET /debug', 'GET /debug/all'],
      },
    ],
    staleAllows: ['/x'],
  });
  expect(routes.slice(0, 2)).toEqual([
    {
      application: 1,
      method: 'GET',
      path: '/scopes',
      protection: 'guarded',
      guards: [
        { kind: 'requireScopes', scopes: ['a'], match: 'all', of: 'user' },
        { kind: 'requireAuth', cookie: true, credentials: ['bearer', 'cookie'] },
      ],
      scopes: ['a'],
      roles: [],
      org: false,
      csrf: 'not_needed',
      securityHeaders: false,
      findings: ['guard_before_auth'],
      allowed: false,
    },
    expect.objectContaining({ path: '/health', findings: ['unguarded'], allowed: true }),
  ]);
  expect(stderr).toMatch(/--allow \/x is not needed/);
});

describe('--fail-unguarded', () => {
  it.each([
    { title: 'all is allowed', source: healthy, args: allows, code: 0 },
    { title: 'a route is not allowed', source: healthy, args: allows.slice(0, 2), code: 1 },
    {
      title: 'only its method is another',
      source: healthy,
      args: [...allows, '--allow', 'POST /health'].slice(2),
      code: 1,
    },
    {
      title: 'an allowance has another case',
      source: healthy,
      args: ['--allow', '/Health', '--allow', '/PUBLIC/*'],
      code: 0,
    },
    {
      title: 'a prefix is not a whole part',
      source: healthy,
      args: ['--allow', '/health', '--allow', '/pub/*'],
      code: 1,
    },
    {
      title: 'guards are in a wrong order',
      source: broken,
      args: ['--allow', '/*'],
      code: 1,
    },
    {
      title: 'a route stands above the guard on purpose',
      source: application(
        `app.get('/health', handler).use(auth.requireAuth()).get('/me', handler);`,
      ),
      args: ['--allow', '/health'],
      code: 0,
    },
    {
      title: 'it stands there by mistake',
      source: application(`app.get('/me', handler).use(auth.requireAuth());`),
      args: [],
      code: 1,
    },
    { title: 'there are no routes', source: application(''), args: [], code: 1 },
  ])('$title: code $code', async ({ source, args, code }) => {
    expect((await list(source, [...args, '--fail-unguarded'])).code).toBe(code);
    expect((await list(source, args)).code).toBe(0);
  });
});

it.each([
  { title: 'a guarded route', args: ['--allow', '/invoices/:id'] },
  { title: 'a method that the route has not', args: ['--allow', 'POST /health'] },
  { title: 'a path that is gone', args: ['--allow', '/gone/*'] },
])('an --allow for $title is told, and does not fail', async ({ args }) => {
  const { code, stderr } = await list(healthy, [...allows, ...args, '--fail-unguarded']);
  expect(stderr).toMatch(new RegExp(`${args[1]?.replaceAll(/\W/g, '\\$&')} is not needed`));
  expect(code).toBe(0);
});

it('lists several applications, each under a heading', async () => {
  const source = application(`
    const admin = express().get('/users', auth.requireAuth(), handler);
    admin.listen(3001);
    app.get('/', handler);`);
  const { stdout } = await list(source);
  expect(stdout).toMatch(/^Application 1\n[^]*\/users[^]*\nApplication 2\n[^]*GET +\/ /);
  const { routes } = JSON.parse((await list(source, ['--json'])).stdout) as { routes: unknown };
  expect(routes).toMatchObject([{ application: 1 }, { application: 2 }]);
});

it('writes what paths hold of control characters as escapes (W13)', async () => {
  const source = application(`app.get('/a\\u001Bc\\u202E', handler);`);
  for (const args of [[], ['--json'], ['--allow', '/\u001Bc']]) {
    const { stdout, stderr } = await list(source, args);
    expect(stdout).toContain('\\u202e');
    expect(stdout + stderr).not.toMatch(/\p{Cf}|(?!\n)\p{Cc}/u);
  }
});

describe('exit code 2', () => {
  it.each([
    { title: 'no file', args: [] },
    { title: 'two files', args: ['a.js', 'b.js'] },
    { title: 'a missing file', args: ['missing.js'] },
    { title: 'an allowance that is no path', args: ['a.js', '--allow', 'health'] },
  ])('$title is wrong usage', async ({ args }) => {
    const { code, stdout, stderr } = await latchkey(['routes', ...args]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^latchkey: .+\nHelp: npx latchkey routes --help\n$/);
  });

  it('an application that cannot be loaded, with each problem of its settings in a line', async () => {
    const { code, stdout, stderr } = await list(`
      import { createAuth } from 'latchkey';
      createAuth({ accessTtl: '0s', publicUrl: 'nowhere' });`);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/app-\d+\.mjs cannot be loaded/);
    expect(stderr).not.toMatch(/Help|\\u000a/);
    expect(stderr.split('\n').length).toBeGreaterThan(3);
  });
});
