import { once } from 'node:events';
import express from 'express';
import { type AuthOptions, createAuth, memoryStore } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addUser, BASE, bearer, createClient, PASSWORD } from '../world/auth-server.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { serve } from '../world/serve.js';

// A file of its own kind: each name warns once per process, which other files must not have used up.

function create(options: AuthOptions) {
  const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000', ...options });
  onTestFinished(() => auth.close());
  return auth;
}

/** The LatchkeyWarnings that some code causes. */
async function warningsOf(act: () => unknown): Promise<readonly string[]> {
  const warnings: string[] = [];
  const listen = (warning: Error) => void warnings.push(`${warning.name}: ${warning.message}`);
  process.on('warning', listen);
  try {
    await act();
    // Warnings are emitted one after the other, so this one comes last.
    const last = once(process, 'warning');
    process.emitWarning('the end', 'TheEnd');
    await last;
  } finally {
    process.off('warning', listen);
  }
  return warnings.filter((warning) => warning.startsWith('LatchkeyWarning'));
}

describe('a former name of an option', () => {
  it('`cookie` of a guard still opens the route to the session cookie, with a warning that names `sessionCookie`', async () => {
    const auth = create({});
    let guard = auth.requireAuth();
    const warnings = await warningsOf(() => {
      guard = auth.requireAuth({ cookie: true });
    });
    expect(warnings).toEqual([expect.stringContaining('`sessionCookie`')]);
    const app = express();
    app.use('/api/auth', auth.router());
    app.get('/inside', guard, (_req, res) => void res.send('inside'));
    const { origin } = await serve(app);
    await addUser({ auth }, { username: 'alice' });
    const browser = createHttpBrowser();
    await browser.fetch(`${origin}/api/auth/login`, {
      method: 'POST',
      json: { username: 'alice', password: PASSWORD, delivery: 'cookie' },
    });
    expect((await browser.fetch(`${origin}/inside`)).body).toBe('inside');
  });

  it('`scopes` and `claims` of the router still end up in tokens', async () => {
    const auth = create({});
    const app = express();
    const warnings = await warningsOf(() => {
      app.use(
        '/api/auth',
        auth.router({ scopes: () => ['reports:read'], claims: ({ id }) => ({ user_id: id }) }),
      );
    });
    expect(warnings).toEqual([expect.stringContaining('tokenScopes')]);
    app.get('/me', auth.requireAuth(), (req, res) => void res.json(req.auth));
    const { origin } = await serve(app);
    const server = createClient({ auth, origin });
    const { id } = await addUser(server, { username: 'alice' });
    const me = await server.get('/me', bearer(await server.signIn('alice')));
    expect(await me.json()).toMatchObject({ scopes: ['reports:read'], claims: { user_id: id } });
  });

  it.each([
    { former: 'users', current: 'userStore', value: memoryStore().users },
    { former: 'cache', current: 'tokenCache', value: { maxEntries: 10 } },
    { former: 'fetch', current: 'providerFetch', value: fetch },
  ])('`$former` of createAuth() works with a warning that names `$current`', async (option) => {
    const { former, current, value } = option;
    const warnings = await warningsOf(() => create({ [former]: value }));
    expect(warnings).toEqual([expect.stringContaining(`\`${current}\``)]);
    expect(() => create({ [former]: value, [current]: value })).toThrow(TypeError);
  });

  it('`issuers` of createAuth() adds to the trusted issuers, with a warning', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt' });
    let auth = create({});
    const warnings = await warningsOf(() => {
      auth = create({ issuers: issuer.policy });
    });
    expect(warnings).toEqual([expect.stringContaining('`trustedIssuers`')]);
    const headers = { authorization: `Bearer ${await issuer.mint({ sub: 'u' })}` };
    await expect(auth.authenticate({ headers })).resolves.toMatchObject({ subject: 'u' });
  });
});
