import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { packPackage, root } from './build-package.js';
import { checkDeclarations } from './checked-declarations.js';
import { createScratchProject, dependencyNames, type ScratchProject } from './scratch-project.js';

const run = promisify(execFile);

// Compilers start slowly on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

let project: ScratchProject;
let express4: ScratchProject;

beforeAll(async () => {
  const tarball = await packPackage();
  const packages = [...(await dependencyNames()), '@types/node', 'pino-http'];
  const neighbours = ['express-jwt', 'express-oauth2-jwt-bearer'];
  [project, express4] = await Promise.all([
    createScratchProject([...packages, ...neighbours, '@types/express'], tarball),
    createScratchProject([...packages, '@types/express@npm:@types/express4'], tarball),
  ]);
  await Promise.all([
    project.write('api.cts', api),
    project.write('api.mts', api),
    project.write('neighbours.mts', neighboursOfOurs),
    project.write('neighbours.cts', neighboursOfOurs),
    express4.write('api.cts', api),
    express4.write('api.mts', api),
  ]);
}, 120_000);
afterAll(() => Promise.all([project.remove(), express4.remove()]));

describe.concurrent('the packed package, with every declaration checked,', () => {
  it.each([
    { compiler: 'typescript5.4', options: 'commonjs --moduleResolution node10' },
    { compiler: 'typescript5.4', options: 'node16' },
    { compiler: 'typescript5', options: 'node18' },
    {
      compiler: 'typescript6',
      options: 'commonjs --moduleResolution node10 --ignoreDeprecations 6.0',
    },
    { compiler: 'typescript', options: 'commonjs' },
    { compiler: 'typescript', options: 'node18' },
  ])('compiles with $compiler from CommonJS, module $options', async ({ compiler, options }) => {
    expect(await compile(project, compiler, `${options} api.cts`)).toBe('');
  });

  it.each(['node16', 'nodenext'])(
    'compiles with typescript from CommonJS and from a module, module %s',
    async (module) => {
      expect(await compile(project, 'typescript', `${module} api.cts api.mts`)).toBe('');
    },
  );

  it('compiles with typescript from a module, for bundlers', async () => {
    const options = 'esnext --moduleResolution bundler api.mts';
    expect(await compile(project, 'typescript', options)).toBe('');
  });

  it.each(['commonjs', 'nodenext'])(
    "compiles beside other packages that add to Express' request, module %s",
    async (module) => {
      const file = module === 'commonjs' ? 'neighbours.cts' : 'neighbours.mts';
      expect(await compile(project, 'typescript', `${module} ${file}`)).toBe('');
    },
  );

  it('compiles with the types of Express 4', async () => {
    expect(await compile(express4, 'typescript', 'nodenext api.cts api.mts')).toBe('');
  });

  // JsonWebKey left node:crypto between @types/node 20 and 26. With skipLibCheck it is `any` there.
  it('takes no JsonWebKey from node:crypto, where later versions of @types/node have none', async () => {
    const dist = path.join(project.folder, 'node_modules/latchkey/dist');
    const files = await readdir(dist, { recursive: true });
    const declarations = files.filter((file) => file.endsWith('.d.ts'));
    expect(declarations.length).toBeGreaterThan(100);
    const texts = await Promise.all(
      declarations.map(async (file) => readFile(path.join(dist, file), 'utf8')),
    );
    const lacking = /\bJsonWebKey\b[^;]*\bfrom ['"](?:node:)?crypto['"]/;
    expect(declarations.filter((_, index) => lacking.test(texts[index] ?? ''))).toEqual([]);
  });
});

const api = `
import express from 'express';
import {
  AuthError, createAuth, createVerifier, errorHandler, principalOf, requireAuth, type Principal,
} from 'latchkey';
import { authorize, createTestIssuer } from 'latchkey/testing';
import 'latchkey/express';

const keys = { secret: process.env.SECRET ?? '' };
const verifier = createVerifier({ issuers: [{ issuer: 'https://id.example/', audience: 'api', keys }] });
const auth = createAuth();
const app = express();
app.get('/guarded', requireAuth(verifier), (req, res) => {
  const principal: Principal = principalOf(req);
  const same: Principal | undefined = req.auth;
  res.json([principal.subject, same?.subject, req.org?.id, req.id]);
});
app.get('/scoped', auth.requireAuth(), auth.requireScopes('a'), (req, res) => {
  // @ts-expect-error No type can tell that this route has a guard.
  res.json(req.auth.subject);
});
app.use('/api/auth', auth.router());
app.use(errorHandler());
export function codeOf(error: unknown): string | undefined {
  return error instanceof AuthError ? error.code : undefined;
}
export async function authorized(request: { set(headers: Record<string, string>): unknown }) {
  const issuer = await createTestIssuer();
  return [authorize, request, await issuer.mint({ scope: 'a' })];
}
`;

/** An application that moves from another package to ours, one route after the other. */
const neighboursOfOurs = `
import express from 'express';
import { expressjwt, type Request as JwtRequest } from 'express-jwt';
import { auth as bearer } from 'express-oauth2-jwt-bearer';
import { createAuth, orgOf, principalOf, requestIdOf } from 'latchkey';
import { pinoHttp } from 'pino-http';

const auth = createAuth();
const app = express();
app.use(pinoHttp());
app.get('/former', bearer(), (req, res) => {
  res.json([req.auth?.payload.sub, req.id]);
});
app.get('/jwt', expressjwt({ secret: 'x', algorithms: ['HS256'] }), (req: JwtRequest, res: express.Response) => {
  res.json(req.auth?.sub);
});
app.get('/ours', auth.requireAuth(), auth.orgContext(), (req, res) => {
  res.json([principalOf(req).subject, orgOf(req).id, requestIdOf(req), req.id]);
});
`;

/** Returns the errors of the compiler; `options` begin with the value of `module`. */
async function compile(
  { folder }: ScratchProject,
  compiler: string,
  options: string,
): Promise<string> {
  const always = ['--noEmit', '--strict', '--esModuleInterop', '--pretty', 'false'];
  const libraries = ['--target', 'es2022', '--lib', 'es2023', '--types', 'node'];
  const args = [
    ...[...always, ...libraries, '--skipLibCheck', 'false'],
    ...['--module', ...options.split(' ')],
  ];
  if (compiler !== 'typescript') return checkDeclarations(folder, compiler, args);
  const tsc = path.join(root, 'node_modules', compiler, 'bin/tsc');
  const { stdout } = await run(process.execPath, [tsc, ...args, '--singleThreaded'], {
    cwd: folder,
  }).catch((error: { readonly stdout: string }) => error);
  return stdout;
}
