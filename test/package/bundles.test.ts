import { execFile } from 'node:child_process';
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import webpack from 'webpack';
import { packPackage } from './build-package.js';
import { createScratchProject, dependencyNames, type ScratchProject } from './scratch-project.js';
import { plainEnvironment } from './start-script.js';

const run = promisify(execFile);

// Bundlers start slowly on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

/** Where the bundles are made; no driver is installed. */
let project: ScratchProject;
/** Where they run: nothing is installed. */
let bare: ScratchProject;

beforeAll(async () => {
  const packages = [...(await dependencyNames()), 'express'];
  [project, bare] = await Promise.all([
    createScratchProject(packages, await packPackage()),
    createScratchProject([]),
  ]);
  await Promise.all([
    project.write('verifies.js', verifies),
    project.write('verifies-plain.js', verifiesPlain),
    project.write('signs-in.js', signsIn),
    bare.write('auth.yaml', 'publicUrl: https://app.example\n'),
  ]);
}, 120_000);
afterAll(() => Promise.all([project.remove(), bare.remove()]));

const withYaml = { env: { AUTH_CONFIG_FILE: 'auth.yaml' } };

const bundlers = [
  { bundler: 'esbuild', bundle: once((name: string) => esbuild(name, 'cjs')) },
  { bundler: 'webpack', bundle: bundleByWebpack },
];

describe.each(bundlers)('a bundle by $bundler, without a flag or an external,', ({ bundle }) => {
  it('verifies tokens, and reads a configuration file in YAML', async () => {
    const { stdout } = await runBundle(await bundle('verifies'), withYaml);
    expect(stdout).toBe('https://app.example 401 200\n');
  });

  it('that signs users in names the package that it lacks', async () => {
    const file = await bundle('signs-in');
    const { stdout } = await runBundle(file, {
      arguments: ['memory:', 'postgres://localhost/app', 'redis://localhost'],
    });
    const outcomes = stdout.trimEnd().split('\n');
    expect(outcomes).toEqual([
      expect.stringContaining('npm install @node-rs/argon2'),
      expect.stringContaining('npm install pg'),
      expect.stringContaining('npm install ioredis'),
    ]);
  });

  it('signs users in where argon2 is installed beside it', async () => {
    const file = await bundle('signs-in');
    const { stdout } = await runBundle(file, {
      arguments: ['memory:'],
      folder: project.folder,
    });
    expect(stdout).toBe('created\n');
  });
});

it('a bundle by esbuild as an ECMAScript module verifies tokens', async () => {
  const { stdout } = await runBundle(await esbuild('verifies-plain', 'esm'));
  expect(stdout).toBe('401 200\n');
});

it('a bundle that only verifies tokens holds no store, no route and no other package', async () => {
  await project.write(
    'only-verifies.js',
    "export { createVerifier, requireAuth } from 'latchkey';\n",
  );
  const { metafile, outputFiles } = await build({
    ...{ entryPoints: [path.join(project.folder, 'only-verifies.js')], bundle: true },
    ...{ platform: 'node', format: 'esm', metafile: true, write: false, outdir: project.folder },
  });
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.entries(output.inputs));
  const kept = inputs.filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  const packages = kept.map(([input]) => /.*node_modules\/([^/]+)\//.exec(input)?.[1]);
  expect(new Set(packages)).toEqual(new Set(['latchkey']));
  const [{ text } = { text: '' }] = outputFiles;
  expect(text).toContain('requireAuthMiddleware');
  expect(text).not.toMatch(/CREATE TABLE|redis\.call|<form|AUTH_STORE_URL/);
});

it('a bundle as an ECMAScript module without require() says how to read YAML', async () => {
  await project.write('reads-yaml.js', "import { loadConfig } from 'latchkey';\nloadConfig();\n");
  const running = runBundle(await esbuild('reads-yaml', 'esm'), withYaml);
  await expect(running).rejects.toThrow(/auth\.yaml .*let the bundle define require\(\)/);
});

const fixture = `
const secret = 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0EuAoIiXvB';
const issuer = 'https://id.example.com/';
const sign = () => new SignJWT({ client_id: 'app' })
  .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
  .setIssuer(issuer).setAudience('api').setSubject('ada').setJti('1').setIssuedAt().setExpirationTime('5m')
  .sign(new TextEncoder().encode(secret));
const trustedIssuers = [{ issuer, audience: 'api', keys: { secret } }];
`;

const verifies = `
import express from 'express';
import { SignJWT } from 'jose';
import { createAuth, loadConfig } from 'latchkey';
${fixture}
const auth = createAuth({ trustedIssuers });
const app = express().use(auth.requireAuth(), (req, res) => res.json(req.auth.subject));
app.use(auth.errorHandler());
const server = app.listen(0, '127.0.0.1', async () => {
  const url = 'http://127.0.0.1:' + server.address().port;
  const without = await fetch(url);
  const given = await fetch(url, { headers: { Authorization: 'Bearer ' + (await sign()) } });
  console.log(loadConfig().publicUrl, without.status, given.status);
  server.close();
});
`;

const verifiesPlain = `
import { createServer } from 'node:http';
import { SignJWT } from 'jose';
import { createAuth } from 'latchkey';
${fixture}
const auth = createAuth({ trustedIssuers });
const server = createServer((req, res) => auth.authenticate(req).then(
  () => res.end(),
  (error) => res.writeHead(error.status, error.headers).end(),
)).listen(0, '127.0.0.1', async () => {
  const url = 'http://127.0.0.1:' + server.address().port;
  const without = await fetch(url);
  const given = await fetch(url, { headers: { Authorization: 'Bearer ' + (await sign()) } });
  console.log(without.status, given.status);
  server.close();
});
`;

const signsIn = `
import express from 'express';
import { createAuth, openStore } from 'latchkey';
void signInAt(process.argv.slice(2));

async function signInAt(urls) {
  for (const url of urls) console.log(await signIn(url));
}

function signIn(url) {
  const auth = createAuth({
    store: openStore(url),
    publicUrl: 'http://localhost:3000',
    jwt: { secret: 'hT7yW2pLq9Zx4Nc6Vb8Mf3Kd5Gs1Rj0EuAoIiXvB' },
  });
  express().use('/api/auth', auth.router());
  const user = auth.users.create({ username: 'ada' });
  return user.then(() => auth.passwords.hash('a long and quite unusual passphrase')).then(
    () => 'created',
    (error) => String(error) + ' ' + String(error.cause),
  );
}
`;

/** Makes the bundle of each script once, for all tests. */
function once(bundle: (name: string) => Promise<string>): typeof bundle {
  const made = new Map<string, Promise<string>>();
  return async (name) => {
    const making = made.get(name) ?? bundle(name);
    made.set(name, making);
    return making;
  };
}

/** Returns the path of the bundle. */
async function esbuild(name: string, format: 'cjs' | 'esm'): Promise<string> {
  const outfile = path.join(project.folder, 'out', `${name}.${format === 'cjs' ? 'cjs' : 'mjs'}`);
  const { warnings } = await build({
    entryPoints: [path.join(project.folder, `${name}.js`)],
    bundle: true,
    platform: 'node',
    format,
    outfile,
    logLevel: 'silent',
  });
  expect(warnings).toEqual([]);
  return outfile;
}

let byWebpack: Promise<string> | undefined;

async function bundleByWebpack(name: string): Promise<string> {
  byWebpack ??= runWebpack();
  return path.join(await byWebpack, `${name}.cjs`);
}

/** Bundles both scripts in one go, which reads what they share once. Returns their folder. */
async function runWebpack(): Promise<string> {
  const folder = path.join(project.folder, 'webpack');
  const compiler = webpack({
    mode: 'development',
    devtool: false,
    target: 'node',
    context: project.folder,
    entry: { verifies: './verifies.js', 'signs-in': './signs-in.js' },
    output: { path: folder, filename: '[name].cjs', chunkFilename: '[id].cjs' },
  });
  const stats = await promisify(compiler.run.bind(compiler))();
  const { errors, warnings } = stats?.toJson({ all: false, errors: true, warnings: true }) ?? {};
  expect(errors).toEqual([]);
  // Express looks for engines of views by name; webpack says so of each application with Express.
  const ours = warnings?.filter(({ moduleName }) => !moduleName?.includes('express/lib/view'));
  expect(ours).toEqual([]);
  return folder;
}

interface Run {
  readonly arguments?: readonly string[];
  /** Where the bundle is copied to; a folder where nothing is installed unless given. */
  readonly folder?: string;
  readonly env?: Readonly<Record<string, string>>;
}

async function runBundle(
  file: string,
  { arguments: given = [], folder = bare.folder, env }: Run = {},
) {
  const copy = path.join(folder, 'app', path.basename(path.dirname(file)));
  await cp(path.dirname(file), copy, { recursive: true });
  return run(process.execPath, [path.join(copy, path.basename(file)), ...given], {
    cwd: bare.folder,
    env: { ...plainEnvironment(), ...env },
  });
}
