import express from 'express';
import { decodeJwt } from 'jose';
import request from 'supertest';
import { describe, expect, it } from 'vitest';
import { authorize, createTestIssuer } from '../../lib/testing/index.js';

function createApp() {
  const app = express();
  app.get('/me', (req, res) => {
    res.json(decodeJwt(req.get('authorization')?.replace('Bearer ', '') ?? ''));
  });
  return app;
}

describe('authorize', () => {
  it('gives a supertest request a token and lets the chain go on', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    await authorize(request(createApp()).get('/me'), issuer, { scope: 'a' })
      .expect(200)
      .expect((response) => expect(response.body).toMatchObject({ sub: 'user-1', scope: 'a' }));
  });

  it('gives an agent a token for all of its requests', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    const agent = authorize(request.agent(createApp()), issuer, { sub: 'ann' });
    const [first, second] = [await agent.get('/me'), await agent.get('/me')];
    expect(first.body).toMatchObject({ sub: 'ann' });
    expect(second.body).toEqual(first.body);
  });

  it('takes Headers', async () => {
    const issuer = await createTestIssuer({ algorithm: 'EdDSA' });
    const headers = authorize(new Headers(), issuer);
    expect(headers.get('authorization')).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
  });
});
