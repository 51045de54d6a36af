import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createTestIssuer } from '../../lib/testing/index.js';

const discoveryUri = 'https://issuer.test/.well-known/openid-configuration';

function createIssuer() {
  return createTestIssuer({ algorithm: 'EdDSA' });
}

/** An issuer whose endpoints are on the loopback interface. */
async function serveIssuer() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const issuer = await createTestIssuer({ issuer: `http://127.0.0.1:${port}`, algorithm: 'EdDSA' });
  server.on('request', issuer.handler);
  return issuer;
}

describe('the in-process endpoints', () => {
  it('answer discovery and key set as the real ones would', async () => {
    const issuer = await createIssuer();
    const discovery = await issuer.fetch(discoveryUri);
    expect(discovery.headers.get('content-type')).toMatch(/^application\/json/);
    expect(discovery.url).toBe(discoveryUri);
    expect(await discovery.json()).toMatchObject({
      issuer: 'https://issuer.test',
      jwks_uri: issuer.jwksUri,
    });
    const keySet = await issuer.fetch(new Request(issuer.jwksUri));
    expect(keySet.status).toBe(200);
    expect(await keySet.json()).toEqual(issuer.jwks());
    expect(issuer.fetchCounts).toEqual({ discovery: 1, jwks: 1, other: 0 });
  });

  it.each([
    { title: 'an unknown path with 404', path: '/other', init: {}, status: 404 },
    { title: 'another method with 405', path: '/jwks.json', init: { method: 'POST' }, status: 405 },
  ])('answer $title', async ({ path, init, status }) => {
    const issuer = await createIssuer();
    expect((await issuer.fetch(`https://issuer.test${path}`, init)).status).toBe(status);
  });

  it('fail for every other host, and count the attempt', async () => {
    const issuer = await createIssuer();
    await expect(issuer.fetch('https://evil.test/jwks.json')).rejects.toThrow(TypeError);
    expect(issuer.fetchCounts.other).toBe(1);
  });

  it('stand below the path of an issuer that has one', async () => {
    const issuer = await createTestIssuer({ issuer: 'https://idp.test/t/', algorithm: 'EdDSA' });
    const response = await issuer.fetch('https://idp.test/t/.well-known/openid-configuration');
    expect(await response.json()).toMatchObject({ issuer: 'https://idp.test/t/' });
  });

  it('refuse a signal that has been aborted already', async () => {
    const issuer = await createIssuer();
    const signal = AbortSignal.abort(new Error('too late'));
    await expect(issuer.fetch(issuer.jwksUri, { signal })).rejects.toThrow('too late');
  });
});

describe('goDown', () => {
  it.each([
    { mode: undefined, jwks: { status: 503 }, discovery: { status: 503 } },
    { mode: 'status-503', jwks: { status: 503 }, discovery: { status: 503 } },
    { mode: 'html', jwks: { status: 200, type: 'text/html' }, discovery: { type: 'text/html' } },
    { mode: 'empty-object', jwks: { status: 200, body: {} }, discovery: { body: {} } },
    { mode: 'keys-null', jwks: { status: 200, body: { keys: null } }, discovery: { status: 200 } },
    { mode: 'no-keys', jwks: { status: 200, body: { keys: [] } }, discovery: { status: 200 } },
  ] as const)('plays $mode until comeUp', async ({ mode, jwks, discovery }) => {
    const issuer = await createIssuer();
    const look = async (uri: string) => {
      const response = await issuer.fetch(uri);
      const text = await response.text();
      const type = response.headers.get('content-type');
      return {
        status: response.status,
        type,
        body: type === 'application/json' && JSON.parse(text),
      };
    };
    issuer.goDown(mode);
    expect(await look(issuer.jwksUri)).toMatchObject(jwks);
    expect(await look(discoveryUri)).toMatchObject(discovery);
    issuer.comeUp();
    expect(await look(issuer.jwksUri)).toMatchObject({ status: 200, body: issuer.jwks() });
    expect(issuer.fetchCounts).toEqual({ discovery: 1, jwks: 2, other: 0 });
  });

  it('plays a broken connection like the real fetch', async () => {
    const issuer = await createIssuer();
    issuer.goDown('reset');
    await expect(issuer.fetch(issuer.jwksUri)).rejects.toMatchObject({
      name: 'TypeError',
      cause: { code: 'ECONNRESET' },
    });
  });

  it('hangs until the caller aborts', async () => {
    const issuer = await createIssuer();
    issuer.goDown('hang');
    const signal = AbortSignal.timeout(20);
    await expect(issuer.fetch(issuer.jwksUri, { signal })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
    expect(issuer.fetchCounts.jwks).toBe(1);
  });
});

describe('the handler', () => {
  it('serves the same documents over HTTP', async () => {
    const issuer = await serveIssuer();
    const response = await fetch(`${issuer.issuer}/.well-known/openid-configuration`);
    expect(await response.json()).toMatchObject({
      issuer: issuer.issuer,
      jwks_uri: issuer.jwksUri,
    });
    expect(await (await fetch(issuer.jwksUri)).json()).toEqual(issuer.jwks());
    expect((await fetch(`${issuer.issuer}/other`)).status).toBe(404);
    expect(issuer.fetchCounts).toEqual({ discovery: 1, jwks: 1, other: 1 });
  });

  it('breaks down in the same ways', async () => {
    const issuer = await serveIssuer();
    issuer.goDown();
    expect((await fetch(issuer.jwksUri)).status).toBe(503);
    issuer.goDown('reset');
    await expect(fetch(issuer.jwksUri)).rejects.toThrow(TypeError);
    issuer.goDown('hang');
    const signal = AbortSignal.timeout(50);
    await expect(fetch(issuer.jwksUri, { signal })).rejects.toMatchObject({ name: 'TimeoutError' });
    issuer.comeUp();
    expect((await fetch(issuer.jwksUri)).status).toBe(200);
  });
});
