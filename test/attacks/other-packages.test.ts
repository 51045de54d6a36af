import { createPublicKey } from 'node:crypto';
import express, { type Request } from 'express';
import { expressjwt } from 'express-jwt';
import {
  createVerifier,
  errorHandler,
  optionalAuth,
  optionalPrincipalOf,
  requireRoles,
  requireScopes,
} from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { serve } from '../world/serve.js';

/** Members of a principal as the claims of a token that only another package has judged. */
const CLAIMS = {
  ...{ subject: 'user-1', scopes: ['reports:read'], clientId: 'client-1' },
  user: { id: 'user-1', roles: ['admin'] },
};

async function start() {
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const [key = {}] = issuer.jwks().keys;
  const secret = createPublicKey({ key, format: 'jwk' });
  const app = express();
  app.use(expressjwt({ secret, algorithms: ['ES256'] }));
  app.get('/claims', (req: Request & { auth?: unknown }, res) => void res.json(req.auth));
  app.get('/scope', requireScopes('reports:read'), (_req, res) => void res.json({}));
  app.get('/role', requireRoles('admin'), (_req, res) => void res.json({}));
  app.get(
    '/caller',
    (req, _res, next) => {
      delete req.headers.authorization;
      next();
    },
    optionalAuth(createVerifier({ issuers: issuer.policy })),
    (req, res) => void res.json({ caller: optionalPrincipalOf(req)?.subject ?? null }),
  );
  app.use(errorHandler());
  const { origin } = await serve(app);
  const headers = { authorization: `Bearer ${await issuer.mint(CLAIMS)}` };
  return (path: string) => fetch(`${origin}${path}`, { headers });
}

describe('claims that express-jwt left on req.auth', () => {
  it('are there', async () => {
    const get = await start();
    expect(await (await get('/claims')).json()).toMatchObject(CLAIMS);
  });

  it.each(['/scope', '/role'])('open no guard of ours: %s', async (path) => {
    const get = await start();
    const refused = await get(path);
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ code: 'CREDENTIALS_MISSING' });
  });

  it('are no caller where ours found an anonymous one', async () => {
    const get = await start();
    expect(await (await get('/caller')).json()).toEqual({ caller: null });
  });
});
