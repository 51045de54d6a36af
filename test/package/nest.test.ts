import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { SignJWT } from 'jose';
import type { AuditedRoute } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packPackage, root } from './build-package.js';
import { readReadmes } from './readmes.js';
import { createScratchProject, dependencyNames, type ScratchProject } from './scratch-project.js';
import { type Script, startScript, stop, until } from './start-script.js';
import { freePort } from '../world/free-port.js';

const run = promisify(execFile);

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const secret = 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0EuAoIiXvB';
const issuer = 'https://id.example.com/';
const env = {
  AUTH_PUBLIC_URL: 'http://localhost:3000',
  AUTH_JWT_ISSUER: issuer,
  AUTH_JWT_AUDIENCE: 'api',
  AUTH_JWT_SECRET: secret,
};

let project: ScratchProject;
let token: string;

beforeAll(async () => {
  const nest = ['@nestjs/common', '@nestjs/core', '@nestjs/platform-express'];
  const packages = [...nest, 'reflect-metadata', 'rxjs', 'express', '@types/express'];
  project = await createScratchProject(
    [...(await dependencyNames()), ...packages, '@types/node'],
    await packPackage(),
  );
  const readme = (await readReadmes()).find(({ file }) => file === 'lib/middleware/README.md');
  const dependencies = { '@nestjs/core': '*' };
  await project.write(
    'package.json',
    JSON.stringify({ name: 'scratch', private: true, dependencies }),
  );
  const blocks = readme?.blocks.filter(
    ({ section, language }) => section === 'NestJS' && language === 'typescript',
  );
  const [guards = '', main = ''] = blocks?.map(({ code }) => code) ?? [];
  await project.write('auth.ts', guards);
  await project.write('main.ts', main);
  await project.write('app.module.ts', module);
  await project.write('bare.ts', bare);
  // What `nest new` writes, as far as it matters here.
  const compiler = ['--module', 'nodenext', '--target', 'es2023', '--types', 'node'];
  const decorators = ['--experimentalDecorators', '--emitDecoratorMetadata'];
  await run(
    process.execPath,
    [
      path.join(root, 'node_modules/typescript/bin/tsc'),
      ...[
        ...compiler,
        ...decorators,
        '--strict',
        '--skipLibCheck',
        '--singleThreaded',
        '--outDir',
        'out',
        ...['main.ts', 'bare.ts'],
      ],
    ],
    { cwd: project.folder },
  ).catch(({ stdout }: { readonly stdout: string }) => {
    throw new Error(stdout);
  });
  token = await new SignJWT({ client_id: 'app', scope: 'profile:read', orgs: ['acme'] })
    .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
    .setIssuer(issuer)
    .setAudience('api')
    .setSubject('ada')
    .setJti('1')
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(new TextEncoder().encode(secret));
}, 120_000);
afterAll(() => project.remove());

describe("NestJS with the recipe's guard, middleware and filter", () => {
  const { ask, get } = startApplication('main.js');

  it.each(['/guarded', '/behind-middleware'])('lets %s know the caller', async (pathname) => {
    const response = await get(pathname, token);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe('ada');
  });

  it.each(['/guarded', '/behind-middleware'])('answers 401 with a challenge at %s', async (at) => {
    const response = await get(at);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="api"');
    expect(await response.json()).toMatchObject({ code: 'CREDENTIALS_MISSING' });
  });

  it.each(['/guarded', '/behind-middleware'])('answers 401 to a bad token at %s', async (at) => {
    const response = await get(at, `${token}x`);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
  });

  it('answers 403 with a challenge where a scope is missing', async () => {
    const response = await get('/scoped', token);
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toContain('scope="profile:write"');
  });

  it('demands the scopes that the decorators of a controller and of its handler name, all of them', async () => {
    const allowed = await get('/profile', token);
    expect([allowed.status, await allowed.text()]).toEqual([200, 'ada']);
    const refused = await get('/profile/change', token);
    expect(refused.status).toBe(403);
    expect(refused.headers.get('www-authenticate')).toContain('scope="profile:read profile:write"');
    expect((await get('/profile')).status).toBe(401);
  });

  it('lets everybody into a public handler of a guarded controller, and says of nobody who calls', async () => {
    for (const response of [await get('/profile/picture'), await get('/profile/picture', token)])
      expect([response.status, await response.text()]).toEqual([200, 'nobody']);
  });

  it('asks for the scopes of a handler whose controller is public, and for a caller where one is read', async () => {
    expect((await get('/site')).status).toBe(200);
    expect((await get('/site/change')).status).toBe(401);
    expect((await get('/site/change', token)).status).toBe(403);
    expect((await get('/site/caller', token)).status).toBe(401);
  });

  it('takes no message for a request, whatever it brings', async () => {
    expect(await (await get('/message', token)).text()).toContain('not by rpc');
  });

  it('runs the router with its bodies, its refusals and its headers', async () => {
    const response = await ask('/api/auth/login', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'nobody', password: 'whatever', delivery: 'body' }),
    });
    expect(response.status).toBe(401);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('x-request-id')).not.toBeNull();
    expect(await response.json()).toMatchObject({ code: 'INVALID_CREDENTIALS' });
  });

  it('finds the organisation of a request behind the guard', async () => {
    const chosen = await get('/org', token);
    expect([chosen.status, await chosen.text()]).toEqual([200, 'acme']);
    const refused = await get('/org', token, { 'X-Org-Id': 'globex' });
    expect(refused.status).toBe(403);
    expect(await refused.json()).toMatchObject({ code: 'ORG_FORBIDDEN' });
  });
});

/** An application that prints past the stream, as pino does, and again when the process ends, with an exit code of its own. */
const NOISY = `
  import fs from 'node:fs';
  fs.writeSync(1, 'past the stream');
  process.on('exit', () => { fs.writeSync(1, 'at the end'); process.exitCode = 9; });
  await import('./main.js');`;

it('npx latchkey routes lists the controllers with their guards, and ends by itself', async () => {
  const file = path.join(project.folder, 'out/noisy.mjs');
  writeFileSync(file, NOISY);
  const command = ['node_modules/latchkey/dist/cli/latchkey.js', 'routes', file, '--json'];
  const { stdout } = await run(process.execPath, command, {
    cwd: project.folder,
    env: { ...process.env, ...env },
  });
  const { routes } = JSON.parse(stdout) as { readonly routes: readonly AuditedRoute[] };
  const kinds = ({ guards }: AuditedRoute) => guards.map(({ kind }) => kind);
  expect(
    routes.map((route) => [`${route.method} ${route.path}`, kinds(route), route.scopes]),
  ).toEqual([
    ['ALL /api/auth/*', [], []],
    ['GET /guarded', ['requireAuth'], []],
    ['GET /behind-middleware', [], []],
    ['GET /scoped', [], []],
    ['GET /message', [], []],
    ['GET /profile', ['requireAuth'], ['profile:read']],
    ['GET /profile/change', ['requireAuth'], ['profile:read', 'profile:write']],
    ['GET /profile/picture', [], []],
    ['GET /site', [], []],
    ['GET /site/change', ['requireAuth'], ['site:write']],
    ['GET /site/caller', [], []],
    ['GET /org', ['requireAuth', 'orgContext'], []],
  ]);
});

it('npx latchkey routes says what to do with TypeScript that Node does not run', async () => {
  const file = path.join(project.folder, 'main.ts');
  const command = ['node_modules/latchkey/dist/cli/latchkey.js', 'routes', file];
  const failed = run(process.execPath, command, { cwd: project.folder, env: process.env });
  await expect(failed).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('tsx') });
});

describe('NestJS without the filter', () => {
  const { get } = startApplication('bare.js');

  it.each(['/guarded', '/behind-middleware'])('still answers 401 at %s', async (pathname) => {
    expect((await get(pathname)).status).toBe(401);
  });
});

function startApplication(name: string) {
  let script: Script;
  let origin: string;

  beforeAll(async () => {
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    const file = path.join(project.folder, 'out', name);
    script = startScript([file], { cwd: project.folder, env: { ...env, PORT: String(port) } });
    // Nest says that it has started before it listens.
    await until(script, () =>
      fetch(origin).then(
        () => true,
        () => false,
      ),
    );
    return () => stop(script);
  }, 60_000);

  const ask = (pathname: string, init: RequestInit) => fetch(`${origin}${pathname}`, init);
  return {
    ask,
    get: (pathname: string, bearer?: string, headers: Readonly<Record<string, string>> = {}) =>
      ask(pathname, {
        headers: bearer ? { ...headers, Authorization: `Bearer ${bearer}` } : headers,
      }),
  };
}

const module = `
import 'reflect-metadata';
import { Controller, Get, type MiddlewareConsumer, Module, type NestModule, Req, UseGuards, UseInterceptors } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { optionalPrincipalOf, orgOf, type Principal, principalOf } from 'latchkey';
import { auth, AuthGuard, Caller, OrgInterceptor, Public, Scopes } from './auth.js';

@Controller()
class Routes {
  @Get('guarded')
  @UseGuards(AuthGuard)
  guarded(@Req() req: object) {
    return principalOf(req).subject;
  }

  @Get('behind-middleware')
  behindMiddleware(@Req() req: object) {
    return principalOf(req).subject;
  }

  @Get('scoped')
  scoped() {}

  /** What the guard says of a message that brings what looks like a request. */
  @Get('message')
  message(@Req() req: { headers: object }) {
    const context = new ExecutionContextHost([{ ...req, headers: req.headers }], Routes, this.scoped);
    context.setType('rpc');
    return new AuthGuard(new Reflector()).canActivate(context).then(() => 'let in', ({ message }) => message);
  }
}

@Controller('profile')
@UseGuards(AuthGuard)
@Scopes('profile:read')
class Profile {
  @Get()
  read(@Caller() caller: Principal) {
    return caller.subject;
  }

  @Get('change')
  @Scopes('profile:write')
  change() {}

  @Get('picture')
  @Public()
  picture(@Req() req: object) {
    return optionalPrincipalOf(req)?.subject ?? 'nobody';
  }
}

@Controller('site')
@UseGuards(AuthGuard)
@Public()
class Site {
  @Get()
  read() {
    return 'all';
  }

  @Get('change')
  @Scopes('site:write')
  change() {}

  @Get('caller')
  caller(@Caller() caller: Principal) {
    return caller.subject;
  }
}

@Controller('org')
@UseGuards(AuthGuard)
class Org {
  @Get()
  @UseInterceptors(OrgInterceptor)
  read(@Req() req: object) {
    return orgOf(req).id;
  }
}

@Module({ controllers: [Routes, Profile, Site, Org] })
export class AppModule implements NestModule {
  configure(consumer: MiddlewareConsumer) {
    consumer.apply(auth.requireAuth()).forRoutes('behind-middleware');
    consumer.apply(auth.requireAuth(), auth.requireScopes('profile:write')).forRoutes('scoped');
  }
}
`;

const bare = `
import { NestFactory } from '@nestjs/core';
import { AppModule } from './app.module.js';

async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  await app.listen(process.env['PORT'] ?? 3000);
}
void bootstrap();
`;
