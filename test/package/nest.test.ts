import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { SignJWT } from 'jose';
import type { AuditedRoute } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packPackage, root } from './build-package.js';
import { findBlock, readReadmes } from './readmes.js';
import { createScratchProject, dependencyNames, type ScratchProject } from './scratch-project.js';
import { type Script, startScript, stop, until } from './start-script.js';

const run = promisify(execFile);

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const secret = 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0EuAoIiXvB';
const issuer = 'https://id.example.com/';
const env = { AUTH_JWT_ISSUER: issuer, AUTH_JWT_AUDIENCE: 'api', AUTH_JWT_SECRET: secret };

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
  await project.write('auth.ts', findBlock(readme, 'NestJS', 'typescript').code);
  await project.write('main.ts', main);
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
        'main.ts',
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
  const { get } = startApplication('filter');

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
    ['GET /guarded', ['requireAuth'], []],
    ['GET /behind-middleware', [], []],
    ['GET /scoped', [], []],
    ['GET /profile', ['requireAuth'], ['profile:read']],
    ['GET /profile/change', ['requireAuth'], ['profile:read', 'profile:write']],
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
  const { get } = startApplication('');

  it.each(['/guarded', '/behind-middleware'])('still answers 401 at %s', async (pathname) => {
    expect((await get(pathname)).status).toBe(401);
  });
});

function startApplication(argument: string) {
  let script: Script;
  let origin: string;

  beforeAll(async () => {
    const file = path.join(project.folder, 'out/main.js');
    script = startScript([file, argument], { cwd: project.folder, env });
    await until(script, () => /^http/m.test(script.output.stdout));
    [origin = ''] = /^http.*$/m.exec(script.output.stdout) ?? [];
    return () => stop(script);
  }, 60_000);

  return {
    get: (pathname: string, bearer?: string, headers: Readonly<Record<string, string>> = {}) =>
      fetch(`${origin}${pathname}`, {
        headers: bearer ? { ...headers, Authorization: `Bearer ${bearer}` } : headers,
      }),
  };
}

const main = `
import 'reflect-metadata';
import { Controller, Get, type MiddlewareConsumer, Module, type NestModule, Req, UseGuards, UseInterceptors } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { orgOf, type Principal, principalOf } from 'latchkey';
import { auth, AuthErrorFilter, AuthGuard, Caller, OrgInterceptor, Scopes } from './auth.js';

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

@Module({ controllers: [Routes, Profile, Org] })
class Application implements NestModule {
  configure(consumer: MiddlewareConsumer) {
    consumer.apply(auth.requireAuth()).forRoutes('behind-middleware');
    consumer.apply(auth.requireAuth(), auth.requireScopes('profile:write')).forRoutes('scoped');
  }
}

async function start() {
  const app = await NestFactory.create(Application, { logger: false });
  if (process.argv[2] === 'filter') app.useGlobalFilters(new AuthErrorFilter());
  await app.listen(0, '127.0.0.1');
  console.log(await app.getUrl());
}
void start();
`;
