import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../package/build-package.js';
import { PASSWORD } from '../world/auth-server.js';
import { serveClientApp } from './client-app.js';

const run = promisify(execFile);

/** Longer than the limit of a test: a program that waits for it is found out. */
const LONG_MS = 300_000;

describe('a program', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'latchkey-program-'));
    await build({
      entryPoints: {
        client: join(root, 'lib/client/index.ts'),
        dpop: join(root, 'lib/client/dpop.ts'),
      },
      outdir: folder,
      outExtension: { '.js': '.mjs' },
      bundle: true,
      format: 'esm',
      target: 'es2022',
    });
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** What a program prints until it ends by itself. */
  async function print(options: string, work: string): Promise<string> {
    const program = `
      import { createAuthClient } from './client.mjs';
      import { createDpopFetch } from './dpop.mjs';
      const echoProof = async (_input, { headers }) =>
        new Response('', { status: headers.has('DPoP') ? 200 : 400 });
      const client = createAuthClient(${options});
      console.log(await (async () => ${work})().catch(({ code }) => code));`;
    const args = ['--input-type=module', '--eval', program];
    return (await run(process.execPath, args, { cwd: folder })).stdout.trim();
  }

  it.each(['body', 'cookie'])(
    'ends when its work is done, whatever the delivery: %s',
    async (delivery) => {
      const app = await serveClientApp();
      await app.addUser('alice');
      const options = JSON.stringify({ baseUrl: `${app.origin}/api`, delivery });
      const login = JSON.stringify({ username: 'alice', password: PASSWORD });
      const work = `(await client.login(${login}), (await client.fetch('/me')).status)`;
      expect(await print(options, work)).toBe('200');
    },
  );

  it('has no timer left of its key for DPoP, which would keep it from ending', async () => {
    const options = `{ baseUrl: 'http://127.0.0.1/api', fetch: createDpopFetch({ fetch: echoProof }) }`;
    const work = `[(await client.fetch('/me')).status, process.getActiveResourcesInfo().includes('Timeout')]`;
    expect(await print(options, work)).toBe('[ 200, false ]');
  });

  it('is told that its token source does not answer, though it has nothing else to wait for', async () => {
    const options = `{ baseUrl: 'http://127.0.0.1/api', tokenSource: () => new Promise(() => {}), tokenSourceTimeoutMs: 50 }`;
    expect(await print(options, 'client.token()')).toBe('TOKEN_SOURCE_TIMEOUT');
  });

  it('does not wait out the time that its token source has', async () => {
    const options = `{ baseUrl: 'http://127.0.0.1/api', tokenSource: async () => 'a.b.c', tokenSourceTimeoutMs: ${LONG_MS} }`;
    expect(await print(options, 'client.token()')).toBe('a.b.c');
  });
});
