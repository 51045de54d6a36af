import type { RequestListener } from 'node:http';
import express, { type RequestHandler } from 'express';
import { jwtVerify, createLocalJWKSet } from 'jose';
import { describe, expect, it } from 'vitest';
import { requireAuth } from '../../lib/middleware/require-auth.js';
import { attackCorpus, createTestIssuer, type TestIssuer } from '../../lib/testing/index.js';
import { createVerifier } from '../../lib/verifier/verifier.js';
import { serve } from '../world/serve.js';

function guarded(guard: RequestHandler): RequestListener {
  const app = express();
  app.use(guard);
  app.get('/me', (_req, res) => {
    res.json({ ok: true });
  });
  return app;
}

/** Names of the attacks that the target does not withstand. */
async function failures(issuer: TestIssuer, app: RequestListener): Promise<readonly string[]> {
  const messages: string[] = [];
  for (const attack of await attackCorpus({ app, issuer, path: '/me' }))
    await attack.run().catch((error: Error) => messages.push(error.message));
  return messages;
}

const challenge = { 'WWW-Authenticate': 'Bearer realm="api", error="invalid_token"' };

describe('attackCorpus', () => {
  it.each(['RS256', 'PS256', 'ES256', 'EdDSA', 'Ed25519', 'HS256'] as const)(
    'finds nothing to say against requireAuth with %s',
    async (algorithm) => {
      const issuer = await createTestIssuer({ algorithm });
      const app = guarded(requireAuth(createVerifier({ issuers: issuer.policy })));
      expect(await failures(issuer, app)).toEqual([]);
    },
  );

  it('attacks a running server under a base path', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    const app = express();
    app.use('/api', guarded(requireAuth(createVerifier({ issuers: issuer.policy }))));
    const { origin } = await serve(app);
    const corpus = await attackCorpus({ url: `${origin}/api/`, path: '/me', issuer });
    for (const attack of corpus) await attack.run();
  });

  it('takes the answer of a router to OPTIONS for what it is', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    const app = express();
    app.get('/me', requireAuth(createVerifier({ issuers: issuer.policy })), (_req, res) => {
      res.json({});
    });
    expect(await failures(issuer, app)).toEqual([]);
  });

  it('gives every attack another name', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    const corpus = await attackCorpus({ app: guarded((_q, _s, next) => next()), issuer });
    expect(new Set(corpus.map(({ name }) => name)).size).toBe(corpus.length);
  });

  it('reports an application that lets everybody in', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    const messages = await failures(
      issuer,
      guarded((_req, _res, next) => next()),
    );
    const forged = await issuer.forge.all();
    expect(messages.length).toBeGreaterThan(forged.length * 0.9);
    expect(messages).toContain('A1 alg "none", no signature: answered 200 instead of 401');
  });

  it('reports an application that lets nobody in', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    const app = guarded((_req, res) => {
      res.status(401).set(challenge).end();
    });
    expect((await failures(issuer, app)).filter((message) => /valid token/.test(message))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^G2 Bearer and a valid token is accepted: /)]),
    );
  });

  it.each([
    {
      title: 'a refusal without a challenge',
      guard: ((_req, res) => res.status(401).end()) as RequestHandler,
      message: /without a "WWW-Authenticate: Bearer" challenge$/,
    },
    {
      title: 'a token in the body',
      guard: ((req, res) => res.status(401).set(challenge).json(req.headers)) as RequestHandler,
      message: /holds the token/,
    },
    {
      title: 'a stack trace',
      guard: ((_req, res) => {
        res.status(401).set(challenge).send(new Error('x').stack);
      }) as RequestHandler,
      message: /stack trace/,
    },
    {
      title: 'a 500',
      guard: ((_req, res) => res.status(500).end()) as RequestHandler,
      message: /answered 500 instead of 401/,
    },
    {
      title: 'a broken connection',
      guard: ((req) => req.socket.destroy()) as RequestHandler,
      message: /hang up|without an answer|ECONNRESET/,
    },
  ])('reports $title', async ({ guard, message }) => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    const corpus = await attackCorpus({ app: guarded(guard), issuer, path: '/me' });
    const attack = corpus.find(({ name }) => name.startsWith('D2 aud a list without ours'));
    await expect(attack?.run()).rejects.toThrow(message);
  });

  it('reports what a guard made by hand lets through', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    const app = guarded((req, res, next) => {
      const token = req.get('authorization')?.replace(/^bearer /i, '') ?? '';
      jwtVerify(token, createLocalJWKSet(issuer.jwks()), {
        issuer: issuer.issuer,
        audience: issuer.audience,
      }).then(
        () => next(),
        () => res.status(401).set(challenge).end(),
      );
    });
    const messages = await failures(issuer, app);
    expect(messages).toEqual(
      expect.arrayContaining([
        'D3 exp missing: answered 200 instead of 401',
        'D10 a DPoP proof with our audience: answered 200 instead of 401',
        'H7 cnf a DPoP key: answered 200 instead of 401',
        expect.stringMatching(/^G1 two Authorization lines, both valid: answered 200/),
      ]),
    );
  });
});
