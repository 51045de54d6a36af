import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestIssuer, type TestIssuer } from 'latchkey/testing';
import { createHttpBrowser } from '../world/http-browser.js';
import { signInAt, startLoginProvider } from '../world/login-provider.js';
import { listen } from '../world/serve.js';
import { buildPackage, root } from './build-package.js';
import { type Block, readReadmes } from './readmes.js';
import { createScratchProject, type ScratchProject } from './scratch-project.js';
import {
  freePort,
  plainEnvironment,
  type Script,
  startScript,
  stop,
  until,
} from './start-script.js';

const run = promisify(execFile);

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const readmes = await readReadmes();
const blocks = readmes.flatMap((readme) => readme.blocks);
const rootBlocks = blocks.filter(({ file }) => file === 'README.md');
const examples = blocks.filter(({ language }) => language === 'ts');
const [firstExample = { code: '' }] = rootBlocks.filter(({ language }) => language === 'ts');

let project: ScratchProject;

beforeAll(async () => {
  await buildPackage();
  project = await createScratchProject(['@types', 'express', 'libsql', 'supertest', 'vitest']);
}, 120_000);
afterAll(() => project.remove());

it("the README's first example has at most 25 lines", () => {
  expect(firstExample.code.trimEnd().split('\n').length).toBeLessThanOrEqual(25);
});

describe("the README's first example", () => {
  let issuer: TestIssuer;
  let origin: string;

  beforeAll(async () => {
    const issuerServer = await listen((req, res) => issuer.handler(req, res));
    issuer = await createTestIssuer({ issuer: issuerServer.origin });
    const started = await startFirstExample({
      AUTH_JWT_ISSUER: issuer.issuer,
      AUTH_JWT_AUDIENCE: issuer.audience,
      AUTH_JWKS_URL: issuer.jwksUri,
    });
    ({ origin } = started);
    return async () => {
      await stop(started.script);
      await issuerServer.close();
    };
  }, 60_000);

  it('is shown with the variables that it needs, and no others', () => {
    const shown = exportedVariables(rootBlocks.find(({ code }) => code.includes('export ')));
    expect(shown).toEqual(['AUTH_JWT_ISSUER', 'AUTH_JWT_AUDIENCE', 'AUTH_JWKS_URL']);
  });

  it('answers 401 without a token', async () => {
    const response = await fetch(`${origin}/me`);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="api"');
  });

  it('answers 200 with a token of the issuer', async () => {
    const response = await fetch(`${origin}/me`, withToken(await issuer.mint({ sub: 'user-7' })));
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ id: 'user-7' });
  });

  it.each(rootBlocks.filter(({ language }) => language === 'console'))(
    'answers as shown on line $line',
    async ({ code }) => {
      const { pathname, hasToken, status, headers, body } = parseTranscript(code);
      const token = hasToken && (await issuer.mint({ scope: 'profile:read' }));
      const response = await fetch(`${origin}${pathname}`, {
        headers: {
          'X-Request-Id': body.request_id,
          ...(token && { Authorization: `Bearer ${token}` }),
        },
      });
      expect(response.status).toBe(status);
      const names = [...headers.keys()];
      const shown = names.map((name) => [name, response.headers.get(name)]);
      expect(shown).toEqual([...headers]);
      expect(await response.json()).toEqual(body);
    },
  );

  it('runs on a shared secret as well', async () => {
    const shared = { issuer: 'https://id.example.com/', audience: 'https://api.example.com' };
    const sh = blocks.find(({ code }) => code.startsWith('export AUTH_TRUSTED_ISSUERS='));
    const text = randomBytes(48).toString('base64');
    const [, json = ''] = /'([^']+)'/.exec(sh?.code ?? '') ?? [];
    const [listed] = JSON.parse(json.replace('…', text)) as unknown[];
    expect(listed).toMatchObject({ ...shared, keys: { secret: text } });
    const ownScript = await startFirstExample({ AUTH_TRUSTED_ISSUERS: JSON.stringify([listed]) });
    const { SignJWT } = await import('jose');
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuer(shared.issuer)
      .setAudience(shared.audience)
      .setSubject('user-8')
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode(text));
    const response = await fetch(`${ownScript.origin}/me`, withToken(token));
    await stop(ownScript.script);
    expect(response.status).toBe(200);
  });
});

it('every TypeScript example of every README compiles against the built package', async () => {
  const preludeFile = await project.write('prelude.d.ts', prelude);
  const files = await Promise.all(
    examples.map((example) =>
      project.write(`${nameOf(example)}.ts`, `${example.code}\nexport {};\n`),
    ),
  );
  const config = {
    extends: path.join(root, 'tsconfig.json'),
    compilerOptions: {
      rootDir: '/',
      paths: {},
      typeRoots: [path.join(root, 'node_modules/@types')],
      skipLibCheck: false,
      noUnusedLocals: false,
      noUnusedParameters: false,
    },
    include: [],
    files: [preludeFile, ...files],
  };
  const configFile = await project.write('tsconfig.readme.json', JSON.stringify(config));
  const tsc = path.join(root, 'node_modules/.bin/tsc');
  const { stdout } = await run(tsc, ['-p', configFile, '--pretty', 'false']).catch(
    (error: { readonly stdout: string }) => error,
  );
  expect(stdout).toBe('');
});

it.each(examples.filter(({ code }) => code.includes("from 'vitest'")))(
  'the example of tests in $file on line $line passes',
  async (example) => {
    await project.write(`${nameOf(example)}.test.ts`, example.code);
    const { stdout } = await run(
      process.execPath,
      [
        path.join(root, 'node_modules/vitest/vitest.mjs'),
        'run',
        nameOf(example),
        '--root',
        project.folder,
      ],
      { cwd: project.folder, env: { ...plainEnvironment(), NO_COLOR: '1' } },
    );
    expect(stdout).toMatch(/Tests +\d+ passed \(\d+\)/);
  },
);

describe("the README's example of a log-in", () => {
  const storeUrl = 'file:./readme.db';
  const secret = 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0EuAoIiXvB';
  const shown = blocks.find(({ code }) => code.includes('npx latchkey users add'));

  it('is shown with the variables that it needs, and signs the user in that its command adds', async () => {
    expect(exportedVariables(shown)).toEqual([
      'AUTH_PUBLIC_URL',
      'AUTH_STORE_URL',
      'AUTH_JWT_SECRET',
    ]);
    const [, command = ''] = /^npx latchkey (.+)$/m.exec(shown?.code ?? '') ?? [];
    const env = {
      AUTH_PUBLIC_URL: 'http://localhost:3000',
      AUTH_STORE_URL: storeUrl,
      AUTH_JWT_SECRET: secret,
    };
    const { stdout } = await run(
      process.execPath,
      [path.join(root, 'dist/cli/latchkey.js'), ...command.split(' ')],
      { cwd: project.folder, env: { ...plainEnvironment(), ...env } },
    );
    const password = /^password (\S+)$/m.exec(stdout)?.[1] ?? '';
    const code = examples.find((example) => example.code.includes('auth.router()'))?.code ?? '';
    const { script, origin } = await startExample(code, env);
    const answer = await fetch(`${origin}/api/auth/login`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'alice', password }),
    });
    const tokens = (await answer.json()) as { access_token: string };
    const example = JSON.parse(
      rootBlocks.find(({ language }) => language === 'json')?.code ?? '{}',
    ) as object;
    expect(Object.keys(tokens)).toEqual(Object.keys(example));
    const me = await fetch(`${origin}/api/me`, withToken(tokens.access_token));
    expect(await me.json()).toMatchObject({ username: 'alice', email: 'alice@example.com' });
    expect(await stop(script)).toBe(0);
  });
});

describe("the README's example of signing in with a provider", () => {
  it('is shown with the variables that it needs, and signs in a user of the provider', async () => {
    const shown = blocks.find(({ code }) => code.includes('export AUTH_OIDC_ISSUER'));
    expect(exportedVariables(shown)).toEqual([
      'AUTH_PUBLIC_URL',
      'AUTH_STORE_URL',
      'AUTH_JWT_SECRET',
      'AUTH_OIDC_ISSUER',
      'AUTH_GOOGLE_CLIENT_ID',
      'AUTH_GITHUB_CLIENT_ID',
    ]);
    const port = await freePort();
    const publicUrl = `http://localhost:${port}`;
    const provider = await startLoginProvider({
      redirectUris: [`${publicUrl}/api/auth/callback`],
    });
    const code = examples.find((example) => example.code.includes('redirect: true'))?.code ?? '';
    const { script } = await startExample(code, {
      PORT: String(port),
      AUTH_PUBLIC_URL: publicUrl,
      AUTH_STORE_URL: 'file:./provider.db',
      AUTH_JWT_SECRET: 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0EuAoIiXvB',
      AUTH_OIDC_ISSUER: provider.issuer,
      AUTH_OIDC_CLIENT_ID: provider.clientId,
      AUTH_OIDC_CLIENT_SECRET: provider.clientSecret,
    });
    const browser = createHttpBrowser();
    expect((await browser.open(publicUrl)).url).toBe(`${publicUrl}/api/auth/signin?returnTo=%2F`);
    const page = await signInAt(browser, `${publicUrl}/api/auth/login?returnTo=/`, {
      login: 'ada',
    });
    expect(page.body).toBe('Hello ada');
    const me = await browser.fetch(`${publicUrl}/api/me`);
    expect(JSON.parse(me.body)).toMatchObject({ username: 'ada', email: 'ada@idp.example' });
    expect(await stop(script)).toBe(0);
  });
});

/** What an application around the README's fragments would have. */
const prelude = `
import type { Express, RequestHandler } from 'express';
import type { Server } from 'node:http';
import type {
  Auth,
  optionalPrincipalOf as readOptional,
  orgOf as readOrg,
  Principal,
  principalOf as readPrincipal,
  Verifier,
} from 'latchkey';
declare global {
  const app: Express;
  const auth: Auth;
  const verifier: Verifier;
  const principalOf: typeof readPrincipal;
  const optionalPrincipalOf: typeof readOptional;
  const orgOf: typeof readOrg;
  const server: Server;
  const handler: RequestHandler;
  const db: {
    findUser(id: string): Promise<{ roles: string[]; active: boolean } | undefined>;
    findTenant(issuer: string): Promise<{ id: string; issuer: string } | undefined>;
    findRoles(userId: string, orgId: string): Promise<string[] | undefined>;
  };
  const mailer: { send(mail: { to: string; template: string; data: object }): Promise<void> };
}
`;

function startFirstExample(env: Readonly<Record<string, string>>) {
  return startExample(firstExample.code, env);
}

async function startExample(
  code: string,
  env: Readonly<Record<string, string>>,
): Promise<{ script: Script; origin: string }> {
  const port = env['PORT'] ?? String(await freePort());
  const file = await project.write('server.mjs', code);
  const script = startScript([file], { cwd: project.folder, env: { ...env, PORT: port } });
  const origin = `http://127.0.0.1:${port}`;
  await until(script, () =>
    fetch(origin).then(
      () => true,
      () => false,
    ),
  );
  return { script, origin };
}

function withToken(token: string): RequestInit {
  return { headers: { Authorization: `Bearer ${token}` } };
}

/** A file name for an example: `lib-stores-README-line-21`. */
function nameOf({ file, line }: Block): string {
  return `${file.replace('.md', '').replaceAll(path.sep, '-')}-line-${line}`;
}

function exportedVariables(block: Block | undefined): readonly string[] {
  return [...(block?.code ?? '').matchAll(/^export (AUTH_\w+)=/gm)].map(([, name = '']) => name);
}

/** Reads `$ curl -i … localhost:3000/path` and what follows it: status line, some headers, JSON. */
function parseTranscript(text: string) {
  const [head = '', json = ''] = text.split(/\n\n(.*)/s);
  const [command = '', statusLine = '', ...fields] = head.split('\n');
  const pathname = /localhost:3000(\/\S*)/.exec(command)?.[1] ?? '';
  const headers = new Map(
    fields.map((field): [string, string] => {
      const at = field.indexOf(': ');
      return [field.slice(0, at).toLowerCase(), field.slice(at + 2)];
    }),
  );
  const status = Number(statusLine.split(' ')[1]);
  const body = JSON.parse(json) as { readonly request_id: string };
  return { pathname, hasToken: command.includes('$TOKEN'), status, headers, body };
}
