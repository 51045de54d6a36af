import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { packPackage } from './build-package.js';
import { createScratchProject, dependencyNames, type ScratchProject } from './scratch-project.js';
import { plainEnvironment } from './start-script.js';

const run = promisify(execFile);

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

let project: ScratchProject;

beforeAll(async () => {
  project = await createScratchProject(
    [...(await dependencyNames()), 'express'],
    await packPackage(),
  );
  await project.write('record.mjs', record);
}, 120_000);
afterAll(() => project.remove());

/** What it takes to verify tokens, with what these packages load themselves. */
const always = ['cors', 'helmet', 'jose', 'object-assign', 'vary'];

it('import of latchkey loads a few files of ours, and only the packages that every application needs', async () => {
  const { ours, packages } = await loadedBy(`await import('latchkey');`);
  expect(packages).toEqual(always);
  expect(ours.length).toBeGreaterThan(0);
  expect(ours.length).toBeLessThanOrEqual(30);
});

it.each([
  { entry: 'latchkey/express', most: 1 },
  { entry: 'latchkey/client', most: 2 },
  { entry: 'latchkey/client/dpop', most: 2 },
])('import of $entry loads at most $most files and no other package', async ({ entry, most }) => {
  const { ours, packages } = await loadedBy(`await import('${entry}');`);
  expect(packages).toEqual([]);
  expect(ours.length).toBeGreaterThan(0);
  expect(ours.length).toBeLessThanOrEqual(most);
});

it.each([
  {
    application: 'createVerifier() and requireAuth()',
    guard: 'requireAuth(createVerifier({ issuers: trustedIssuers }))',
  },
  { application: 'createAuth()', guard: 'createAuth({ trustedIssuers }).requireAuth()' },
])('verifying tokens with $application loads nothing else', async ({ guard }) => {
  const { packages, printed } = await loadedBy(verifies(guard));
  expect(printed).toEqual(['401 200']);
  expect(packages).toEqual(always);
});

it('auth.router() loads what reads requests; providers, hashing, YAML and drivers wait for their first use', async () => {
  const { packages } = await loadedBy(signsIn);
  const dependencies = await dependencyNames();
  const loaded = dependencies.filter((name) => packages.includes(name));
  expect(loaded).toEqual(['body-parser', 'cors', 'express-rate-limit', 'helmet', 'jose', 'zod']);
});

it('npx latchkey loads a driver, or zod, only for a command that needs it', async () => {
  const { packages } = await loadedBy(`
    process.argv.push('token', '--help');
    await import('./node_modules/latchkey/dist/cli/latchkey.js');`);
  expect(packages).toEqual(['jose']);
});

const secret = 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0EuAoIiXvB';

function verifies(guard: string): string {
  return `
    import { createServer } from 'node:http';
    import { SignJWT } from 'jose';
    import { createAuth, createVerifier, requireAuth } from 'latchkey';
    const [issuer, audience, secret] = ['https://id.example.com/', 'api', '${secret}'];
    const trustedIssuers = [{ issuer, audience, keys: { secret } }];
    const guard = ${guard};
    const server = createServer((req, res) => {
      guard(req, res, (error) => res.writeHead(error ? error.status : 200).end());
    }).listen(0, '127.0.0.1', async () => {
      const url = 'http://127.0.0.1:' + server.address().port;
      const token = await new SignJWT({ client_id: 'app' })
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
        .setIssuer(issuer).setAudience(audience).setSubject('ada').setJti('1').setIssuedAt().setExpirationTime('5m')
        .sign(new TextEncoder().encode(secret));
      const without = await fetch(url);
      const given = await fetch(url, { headers: { Authorization: 'Bearer ' + token } });
      console.log(without.status, given.status);
      server.close();
    });`;
}

const signsIn = `
  import { createAuth, memoryStore } from 'latchkey';
  createAuth({
    store: memoryStore(),
    publicUrl: 'https://app.example',
    jwt: { secret: '${secret}' },
  }).router();`;

interface Loaded {
  readonly printed: readonly string[];
  /** Files of this package. */
  readonly ours: readonly string[];
  /** Names of the other packages, sorted. */
  readonly packages: readonly string[];
}

/** Runs a module in a process of its own and tells what that loaded before it ended. */
async function loadedBy(code: string): Promise<Loaded> {
  const file = await project.write('main.mjs', code);
  const { stdout } = await run(process.execPath, ['--import', './record.mjs', file], {
    cwd: project.folder,
    env: plainEnvironment(),
  });
  const printed = stdout.trimEnd().split('\n');
  const files = JSON.parse(printed.pop() ?? '') as readonly string[];
  const parts = files.map((name) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(.*)/.exec(name));
  const ours = parts.flatMap((part) => (part?.[1] === 'latchkey' ? [part[2] ?? ''] : []));
  const packages = new Set(parts.flatMap((part) => part?.[1] ?? []));
  packages.delete('latchkey');
  return { printed, ours, packages: [...packages].toSorted() };
}

/** Prints, when the process ends, the files that it imported and those that it required. */
const record = `
import { Session } from 'node:inspector';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
const files = new Set();
const session = new Session();
session.connect();
session.on('Debugger.scriptParsed', ({ params: { url } }) => {
  if (url.startsWith('file:')) files.add(fileURLToPath(url));
});
session.post('Debugger.enable');
process.on('exit', () => {
  for (const file of Object.keys(createRequire(import.meta.url).cache)) files.add(file);
  console.log(JSON.stringify([...files]));
});
`;
