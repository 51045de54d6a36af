import { describe, expect, it } from 'vitest';
import { createProviderFetch } from '../../lib/providers/fetch.js';
import { serve } from '../world/serve.js';

/** A provider that sends everybody to a second server, which counts who comes. */
async function redirecting(status: number) {
  const hits: string[] = [];
  const inside = await serve((request, response) => {
    hits.push(`${request.method} ${request.url}`);
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"keys":[{}]}');
  });
  const provider = await serve((request, response) => {
    response.writeHead(status, { location: `${inside.origin}${request.url}` }).end();
  });
  const ask = createProviderFetch({
    fetch,
    allowLoopbackHttp: true,
    internalHosts: 'any',
    now: Date.now,
  });
  return { hits, origin: provider.origin, ask };
}

describe.each([301, 302, 303, 307, 308])('a redirect with %i', (status) => {
  it.each([
    { title: 'metadata', path: '/.well-known/openid-configuration', request: {} },
    { title: 'keys', path: '/jwks', request: {} },
    { title: 'userinfo', path: '/me', request: { headers: { authorization: 'Bearer x' } } },
    { title: 'tokens', path: '/token', request: { method: 'POST', body: 'code=x' } },
  ])('in the place of $title is an error, and nobody is asked there', async ({ path, request }) => {
    const { hits, origin, ask } = await redirecting(status);
    await expect(ask(`${origin}${path}`, request)).rejects.toThrow(TypeError);
    await expect(ask(`${origin}${path}`, request)).rejects.toThrow(TypeError);
    expect(hits).toEqual([]);
  });
});
