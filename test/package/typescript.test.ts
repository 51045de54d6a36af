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

/** What the JavaScript compilers are given, and what the files for the other compiler say. */
const settings = {
  noEmit: true,
  strict: true,
  esModuleInterop: true,
  target: 'es2022',
  lib: ['es2023'],
  types: ['node'],
  skipLibCheck: false,
};

interface Build {
  readonly module: string;
  readonly moduleResolution?: string;
  readonly files: readonly string[];
  readonly hasExpress4?: true;
}

/** What one process of TypeScript 7 compiles, which reads what they share once. By the names of their project files. */
const builds = {
  commonjs: { module: 'commonjs', files: ['api.cts'] },
  node18: { module: 'node18', files: ['api.cts'] },
  node16: { module: 'node16', files: ['api.cts', 'api.mts'] },
  nodenext: { module: 'nodenext', files: ['api.cts', 'api.mts'] },
  bundler: { module: 'esnext', moduleResolution: 'bundler', files: ['api.mts'] },
  'commonjs-neighbours': { module: 'commonjs', files: ['neighbours.cts'] },
  'nodenext-neighbours': { module: 'nodenext', files: ['neighbours.mts'] },
  express4: { module: 'nodenext', files: ['api.cts', 'api.mts'], hasExpress4: true },
} satisfies Record<string, Build>;

describe('the packed package, with every declaration checked,', () => {
  describe.each([
    { compiler: 'typescript5.4', modules: ['commonjs --moduleResolution node10', 'node16'] },
    { compiler: 'typescript5', modules: ['node18'] },
    {
      compiler: 'typescript6',
      modules: ['commonjs --moduleResolution node10 --ignoreDeprecations 6.0'],
    },
  ])('compiles with $compiler from CommonJS,', ({ compiler, modules }) => {
    let errors: ReadonlyMap<string, string | undefined>;
    beforeAll(() => {
      const found = checkDeclarations(project.folder, compiler, modules.map(commandLine));
      errors = new Map(modules.map((module, at) => [module, found[at]]));
    }, 120_000);

    it.each(modules)('module %s', (module) => {
      expect(errors.get(module)).toBe('');
    });
  });

  describe('compiles with typescript', () => {
    let errors: ReadonlyMap<string, string>;
    beforeAll(async () => {
      errors = await buildAll(builds);
    }, 120_000);

    it.each(['commonjs', 'node18'])('from CommonJS, module %s', (module) => {
      expect(errors.get(module)).toBe('');
    });

    it.each(['node16', 'nodenext'])('from CommonJS and from a module, module %s', (module) => {
      expect(errors.get(module)).toBe('');
    });

    it('from a module, for bundlers', () => {
      expect(errors.get('bundler')).toBe('');
    });

    it.each(['commonjs', 'nodenext'])(
      "beside other packages that add to Express' request, module %s",
      (module) => {
        expect(errors.get(`${module}-neighbours`)).toBe('');
      },
    );

    it('with the types of Express 4', () => {
      expect(errors.get('express4')).toBe('');
    });
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

/** The same settings for a command line; `module` may have further options behind it. */
function commandLine(module: string): readonly string[] {
  const given = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  return [...given, '--module', ...module.split(' '), 'api.cts'];
}

/** The errors that TypeScript 7 finds in each of these projects. One that it hasn't built is not among them. */
async function buildAll(
  projects: Readonly<Record<string, Build>>,
): Promise<ReadonlyMap<string, string>> {
  const files = await Promise.all(
    Object.entries(projects).map(([name, { files: compiled, hasExpress4, ...modules }]) =>
      (hasExpress4 ? express4 : project).write(
        `${name}.json`,
        JSON.stringify({ compilerOptions: { ...settings, ...modules }, files: compiled }),
      ),
    ),
  );
  const tsc = path.join(root, 'node_modules/typescript/bin/tsc');
  const args = ['--build', ...files, '--verbose', '--pretty', 'false', '--singleThreaded'];
  const { stdout } = await run(process.execPath, [tsc, ...args], { cwd: project.folder }).catch(
    (error: { readonly stdout: string }) => error,
  );
  const [, ...parts] = stdout.split(/^.* - Building project '(?:.*\/)?(.*)\.json'\.\.\.$/m);
  return new Map(
    parts.flatMap((name, at) =>
      at % 2 === 0 ? [[name, errorsIn(parts[at + 1] ?? '')] as const] : [],
    ),
  );
}

/** Without the lines that tell, with the time of day, what the compiler does next. */
function errorsIn(output: string): string {
  const lines = output.split('\n').filter((line) => !/^\d[\d:]+ [AP]M - Project '/.test(line));
  return lines.join('\n').trim();
}
