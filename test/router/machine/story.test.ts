import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import express from 'express';
import { createAuth } from 'latchkey';
import { expect, it, vi } from 'vitest';
import { readReadmes } from '../../package/readmes.js';
import { addUser, BASE, PASSWORD } from '../../world/auth-server.js';
import { serve } from '../../world/serve.js';

const run = promisify(execFile);

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

/** The commands of the README of the router, in their order. */
async function shownCommands(): Promise<readonly string[]> {
  const readme = (await readReadmes()).find(
    ({ file }) => file === path.join('lib', 'router', 'README.md'),
  );
  const blocks = (readme?.blocks ?? []).filter(
    ({ section, language }) => section === 'Service accounts' && language === 'sh',
  );
  return blocks.flatMap(({ code }) =>
    code
      .replaceAll('\\\n', ' ')
      .split('\n')
      .filter((line) => line.startsWith('curl ')),
  );
}

it('the commands in the README make an account, get a token, call with it, and replace the secret', async () => {
  const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000', serviceAccounts: true });
  const app = express();
  app.use('/api/auth', auth.router());
  app.get(
    '/api/invoices',
    auth.requireAuth(),
    auth.requireScopes('invoices:read'),
    auth.orgContext(),
    (req, res) => void res.json({ org: req.org?.id }),
  );
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  await addUser({ auth }, { username: 'root', roles: ['admin'] });
  const signedIn = await fetch(`${origin}/api/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'root', password: PASSWORD }),
  });
  const { access_token: admin } = (await signedIn.json()) as { access_token: string };
  const env: Record<string, string> = {
    ...{ PATH: process.env['PATH'] ?? '', ADMIN: admin },
    ...{ AUTH: `${origin}/api/auth`, API: `${origin}/api` },
  };

  async function step(command: string | undefined): Promise<Record<string, unknown>> {
    const shell = ['-c', `${command ?? 'false'} --silent --show-error --fail-with-body`];
    const { stdout } = await run('bash', shell, { env });
    return stdout === '' ? {} : (JSON.parse(stdout) as Record<string, unknown>);
  }

  const [create, addSecret, askToken, call, addSecond, show, end, ...others] =
    await shownCommands();
  expect(others).toEqual([]);
  env['CLIENT_ID'] = String((await step(create))['id']);
  const first = await step(addSecret);
  env['CLIENT_SECRET'] = String(first['client_secret']);
  const tokens = await step(askToken);
  expect(tokens).toMatchObject({ expires_in: 300, scope: 'invoices:read' });
  env['ACCESS_TOKEN'] = String(tokens['access_token']);
  expect(await step(call)).toEqual({ org: 'acme' });
  const second = await step(addSecond);
  env['OLD_SECRET_ID'] = String(first['id']);
  expect(await step(show)).toMatchObject({ secrets: [{ id: second['id'] }, { id: first['id'] }] });
  expect(await step(end)).toEqual({});
  await expect(step(askToken)).rejects.toThrow(/401/);
  env['CLIENT_SECRET'] = String(second['client_secret']);
  expect(await step(askToken)).toMatchObject({ token_type: 'Bearer' });
});
