import { randomBytes } from 'node:crypto';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestIssuer, type TestIssuer } from 'latchkey/testing';
import { listen } from '../world/serve.js';
import { packPackage, root } from './build-package.js';
import { startExample } from './example-server.js';
import { compileExamples, type Block, exportsOf, findBlock, readReadmes } from './readmes.js';
import { createScratchProject, dependencyNames, type ScratchProject } from './scratch-project.js';
import { plainEnvironment, stop } from './start-script.js';

const run = promisify(execFile);

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const readmes = await readReadmes();
const [rootReadme] = readmes;
const blocks = readmes.flatMap((readme) => readme.blocks);
const examples = blocks.filter(({ language }) => language === 'ts');

let project: ScratchProject;

beforeAll(async () => {
  const packages = ['@types', 'express', 'supertest', 'vitest', '@modelcontextprotocol/sdk'];
  // Packed, so that Vitest loads it from `node_modules` as it is. It would transform all that a link to this repository leads to.
  project = await createScratchProject(
    [...(await dependencyNames()), ...packages],
    await packPackage(),
  );
}, 120_000);
afterAll(() => project.remove());

describe('the README as npm shows it', () => {
  it('has fewer than 460 lines', () => {
    expect(rootReadme?.text.trimEnd().split('\n').length).toBeLessThan(460);
  });

  it('has no line of a table over 160 characters', () => {
    const rows = (rootReadme?.text ?? '').split('\n').filter((line) => line.startsWith('|'));
    expect(rows.length).toBeGreaterThan(20);
    expect(rows.filter((row) => row.length > 160)).toEqual([]);
  });

  it('opens with an example of about ten lines', () => {
    const { code } = findBlock(rootReadme, 'Latchkey', 'ts');
    expect(code.trimEnd().split('\n').length).toBeLessThanOrEqual(12);
  });

  it('says which version of ours it compares with others, and when', async () => {
    const changes = await readFile(path.join(root, 'CHANGELOG.md'), 'utf8');
    const [, version = ''] = /^## \[(\d+\.\d+)\./m.exec(changes) ?? [];
    expect(rootReadme?.text).toMatch(/^\| 2026-\d\d-\d\d /m);
    expect(rootReadme?.text).toContain(`| latchkey ${version} `);
  });
});

describe("the README's recipe for an API that verifies tokens", () => {
  const section = 'An API that verifies tokens';
  const { code } = findBlock(rootReadme, section, 'ts');
  const transcripts = blocks.filter(
    (block) => block.file === 'README.md' && block.language === 'console',
  );
  let issuer: TestIssuer;
  let origin: string;

  beforeAll(async () => {
    const issuerServer = await listen((req, res) => issuer.handler(req, res));
    issuer = await createTestIssuer({ issuer: issuerServer.origin });
    const started = await startExample(project, code, {
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
    const shell = rootReadme?.blocks.find(
      (block) => block.section === section && block.code.startsWith('export '),
    );
    expect(Object.keys(shell ? exportsOf(shell) : {})).toEqual([
      'AUTH_JWT_ISSUER',
      'AUTH_JWT_AUDIENCE',
      'AUTH_JWKS_URL',
    ]);
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

  it.each(transcripts)('answers as shown on line $line', async (transcript) => {
    const { pathname, hasToken, status, headers, body } = parseTranscript(transcript.code);
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
  });

  it('runs on a shared secret as well, with the variable that the README of the verifier shows', async () => {
    const shared = { issuer: 'https://id.example.com/', audience: 'https://api.example.com' };
    const shell = blocks.find((block) => block.code.startsWith('export AUTH_TRUSTED_ISSUERS='));
    const text = randomBytes(48).toString('base64');
    const [, json = ''] = /'([^']+)'/.exec(shell?.code ?? '') ?? [];
    const [listed] = JSON.parse(json.replace('…', text)) as unknown[];
    expect(listed).toMatchObject({ ...shared, keys: { secret: text } });
    const own = await startExample(project, code, {
      AUTH_TRUSTED_ISSUERS: JSON.stringify([listed]),
    });
    const { SignJWT } = await import('jose');
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuer(shared.issuer)
      .setAudience(shared.audience)
      .setSubject('user-8')
      .setExpirationTime('5m')
      .sign(new TextEncoder().encode(text));
    const response = await fetch(`${own.origin}/me`, withToken(token));
    await stop(own.script);
    expect(response.status).toBe(200);
  });
});

it('every TypeScript example of every README compiles against the built package', async () => {
  const files = await Promise.all(
    examples.map((example) =>
      project.write(`${nameOf(example)}.ts`, `${example.code}\nexport {};\n`),
    ),
  );
  expect(await compileExamples(project, files, surroundings)).toBe('');
});

/** A type of browsers that the declarations of MCP's SDK take for granted. */
const surroundings = `
declare global {
  type HeadersInit = NonNullable<RequestInit['headers']>;
}
`;

describe('the example of tests', () => {
  const tests = examples.filter(({ code }) => code.includes("from 'vitest'"));
  /** What became of the tests of each example, by its name. */
  let outcomes: ReadonlyMap<string, readonly string[]>;

  beforeAll(async () => {
    await Promise.all(
      tests.map((example) => project.write(`${nameOf(example)}.test.ts`, example.code)),
    );
    outcomes = await runTests(project.folder);
  }, 120_000);

  it.each(tests)('in $file on line $line passes', (example) => {
    const statuses = outcomes.get(nameOf(example)) ?? [];
    expect(statuses.length).toBeGreaterThan(0);
    expect(new Set(statuses)).toEqual(new Set(['passed']));
  });
});

/** Runs all test files of a project in one process. */
async function runTests(folder: string): Promise<ReadonlyMap<string, readonly string[]>> {
  const { stdout } = await run(
    process.execPath,
    [
      path.join(root, 'node_modules/vitest/vitest.mjs'),
      ...['run', '--root', folder, '--reporter=json', '--maxWorkers=1', '--no-isolate'],
      // Its own limit is five seconds, which a busy machine needs to load an application.
      ...['--testTimeout=120000', '--hookTimeout=120000'],
    ],
    { cwd: folder, env: { ...plainEnvironment(), NO_COLOR: '1' } },
    // It exits with 1 when a test fails, which its report tells as well.
  ).catch((error: { readonly stdout: string }) => error);
  const { testResults } = JSON.parse(stdout) as {
    readonly testResults: readonly {
      readonly name: string;
      readonly assertionResults: readonly { readonly status: string }[];
    }[];
  };
  return new Map(
    testResults.map(({ name, assertionResults }) => [
      path.basename(name, '.test.ts'),
      assertionResults.map(({ status }) => status),
    ]),
  );
}

function withToken(token: string): RequestInit {
  return { headers: { Authorization: `Bearer ${token}` } };
}

/** A file name for an example: `lib-stores-README-line-21`. */
function nameOf({ file, line }: Block): string {
  return `${file.replace('.md', '').replaceAll(path.sep, '-')}-line-${line}`;
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
