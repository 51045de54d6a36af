import express from 'express';
import type { Auth } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { SECRET, serveAuth } from '../world/auth-server.js';
import { createDpopApp, PUBLIC_ORIGIN } from '../world/dpop-app.js';
import { serve } from '../world/serve.js';

/** A route that anyone may ask, and that treats a bad credential like none. */
async function openRoute(auth: Auth) {
  const app = express();
  app.get('/open', auth.optionalAuth({ lenient: true }), (req, res) => {
    res.json({ subject: req.auth?.subject ?? 'nobody' });
  });
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  return async (headers: Record<string, string>) => {
    const response = await fetch(`${origin}/open`, { headers });
    const body = (await response.json()) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body };
  };
}

describe('optionalAuth({ lenient: true })', () => {
  it('tells a client which nonce its proofs must hold: the credential is not a bad one (RFC 9449 §9)', async () => {
    const dpop = { mode: 'accepted', nonceTtlSeconds: 300 } as const;
    const { auth, token, proof } = await createDpopApp({ secret: SECRET, dpop });
    const get = await openRoute(auth);
    const ask = (nonce?: string) => {
      const more = nonce === undefined ? {} : { nonce };
      const made = proof({ url: `${PUBLIC_ORIGIN}/open`, ...more });
      return get({ authorization: `DPoP ${token}`, dpop: made });
    };
    const asked = await ask();
    expect(asked).toMatchObject({ status: 401, body: { code: 'USE_DPOP_NONCE' } });
    expect(asked.headers.get('www-authenticate')).toContain('error="use_dpop_nonce"');
    const nonce = asked.headers.get('dpop-nonce') ?? '';
    expect(await ask(nonce)).toMatchObject({ status: 200, body: { subject: 'user-1' } });
    const bad = await get({ authorization: `DPoP ${token}`, dpop: 'no proof' });
    expect(bad).toMatchObject({ status: 200, body: { subject: 'nobody' } });
  });

  it('does not take a good key for none that was not looked at, since too many bad ones came from its address', async () => {
    const { auth } = await serveAuth({ acceptApiKeys: true });
    const alice = await auth.users.create({ username: 'alice' });
    const keys = [];
    for (let count = 0; count < 21; count += 1)
      keys.push(await auth.apiKeys.create({ owner: alice.id, name: String(count) }));
    const [good, ...revoked] = keys.map(({ key }) => ({ 'x-api-key': key }));
    for (const { id } of keys.slice(1)) await auth.apiKeys.revoke(id);
    const get = await openRoute(auth);
    for (const key of revoked)
      expect(await get(key)).toMatchObject({ status: 200, body: { subject: 'nobody' } });
    expect(await get(good ?? {})).toMatchObject({ status: 429, body: { code: 'RATE_LIMITED' } });
  });
});
