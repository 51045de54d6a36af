import { AuthError, createVerifier } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createAuthenticator } from '../../lib/authenticate/authenticator.js';

async function createWorld() {
  const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt' });
  const authenticate = createAuthenticator(
    createVerifier({ issuers: issuer.policy }),
    {},
    {
      devToken: await issuer.mint({ sub: 'dev' }),
      devOrigins: ['https://front.test'],
    },
  );
  /** The subject that a request gets, or the code it is refused with. */
  return async (method: string, headers: Record<string, string>) => {
    try {
      return (await authenticate({ method, headers }))?.subject;
    } catch (error) {
      if (error instanceof AuthError) return error.code;
      throw error;
    }
  };
}

const evil = { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' };
const form = { 'content-type': 'application/x-www-form-urlencoded', 'content-length': '3' };

describe('the development token', () => {
  it.each([
    { title: 'a form of another site', method: 'POST', headers: { ...evil, ...form } },
    { title: 'a script of another site', method: 'DELETE', headers: evil },
    { title: 'a form of a sandboxed frame', method: 'POST', headers: { ...form, origin: 'null' } },
    {
      title: 'the WebSocket of another site',
      method: 'GET',
      headers: { ...evil, upgrade: 'websocket' },
    },
  ])('is not for $title', async ({ method, headers }) => {
    const send = await createWorld();
    expect(await send(method, headers)).toBe('CROSS_SITE_REQUEST');
  });

  it.each([
    { title: 'a program', method: 'POST', headers: {} },
    {
      title: 'the own page',
      method: 'POST',
      headers: { 'sec-fetch-site': 'same-origin', ...form },
    },
    {
      title: 'a page on another port of this machine',
      method: 'PUT',
      headers: { origin: 'http://localhost:5173', 'sec-fetch-site': 'same-site' },
    },
    { title: 'a listed page', method: 'PUT', headers: { ...evil, origin: 'https://front.test' } },
    { title: 'a link on another site', method: 'GET', headers: evil },
  ])('is for $title', async ({ method, headers }) => {
    const send = await createWorld();
    expect(await send(method, headers)).toBe('dev');
  });

  it('is not for a form of another local page', async () => {
    const send = await createWorld();
    const headers = { ...form, origin: 'http://localhost:5173', 'sec-fetch-site': 'same-site' };
    expect(await send('POST', headers)).toBe('UNSUPPORTED_MEDIA_TYPE');
  });
});
