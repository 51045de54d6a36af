import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createRemoteFetch, readBounded, TooLargeError } from '../../lib/http/bounded-fetch.js';
import {
  createPublicFetch,
  type Lookup,
  PrivateAddressError,
} from '../../lib/http/public-fetch.js';
import { serve } from '../world/serve.js';

/** Answers each question with the next list of addresses, and the last list from then on. */
function fixedLookup(...answers: readonly (readonly string[])[]) {
  const asked: string[] = [];
  const lookup: Lookup = (hostname, _options, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)] ?? [];
    asked.push(hostname);
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
  };
  return { asked, lookup };
}

interface Asked {
  readonly request: IncomingMessage;
  readonly body: string;
}

/** A server within a private network, and how many have come. */
async function inside() {
  const seen: Asked[] = [];
  const { origin } = await serve((request, response) => {
    void text(request).then((body) => answer({ request, body }, response));
  });

  function answer(asked: Asked, response: ServerResponse): void {
    seen.push(asked);
    const { pathname } = new URL(asked.request.url ?? '/', 'http://inside');
    if (pathname === '/redirect') response.writeHead(302, { location: '/elsewhere' }).end();
    else if (pathname === '/nothing') response.writeHead(204).end();
    else if (pathname === '/packed')
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('{}'));
    else if (pathname === '/huge') response.end(Buffer.alloc(2_000_000, ' '));
    else if (pathname === '/slow') response.writeHead(200).write('{');
    else response.writeHead(200, { 'content-type': 'application/json' }).end('{"good":true}');
  }

  const { port } = new URL(origin);
  return { seen, urlOf: (host: string, path = '/') => new URL(`http://${host}:${port}${path}`) };
}

describe('a host that leads into a private network', () => {
  it.each([
    { title: 'loopback', addresses: ['127.0.0.1'] },
    { title: 'loopback, IPv6', addresses: ['::1'] },
    { title: 'loopback, mapped', addresses: ['::ffff:127.0.0.1'] },
    { title: 'loopback, by NAT64', addresses: ['64:ff9b::7f00:1'] },
    { title: 'no address in particular', addresses: ['0.0.0.0'] },
    { title: "a cloud's metadata service", addresses: ['169.254.169.254'] },
    { title: 'a private one among public ones', addresses: ['93.184.215.14', '127.0.0.1'] },
  ])('is not connected to: $title', async ({ addresses }) => {
    const { seen, urlOf } = await inside();
    const { lookup, asked } = fixedLookup(addresses);
    const url = urlOf('idp.tenant.example');
    await expect(createPublicFetch({ lookup })(url)).rejects.toThrow(PrivateAddressError);
    expect(asked).toEqual(['idp.tenant.example']);
    expect(seen).toEqual([]);
  });

  it.each(['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '0'])(
    'is not connected to: %s, which nobody looks up',
    async (host) => {
      const { seen, urlOf } = await inside();
      const { lookup, asked } = fixedLookup(['93.184.215.14']);
      await expect(createPublicFetch({ lookup })(urlOf(host))).rejects.toThrow(PrivateAddressError);
      expect([...asked, ...seen]).toEqual([]);
    },
  );

  it('is not connected to by the system, either: localhost', async () => {
    const { seen, urlOf } = await inside();
    await expect(createPublicFetch()(urlOf('localhost'))).rejects.toThrow(PrivateAddressError);
    expect(seen).toEqual([]);
  });

  it('is not connected to when it led elsewhere a moment ago: each connection is to an address that was judged', async () => {
    const { seen, urlOf } = await inside();
    const { lookup, asked } = fixedLookup(['127.0.0.1'], ['127.0.0.2']);
    const isRefused = (address: string): boolean => address !== '127.0.0.1';
    const ask = createPublicFetch({ lookup, isRefused });
    const url = urlOf('rebinding.example');
    expect((await ask(url)).status).toBe(200);
    await expect(ask(url)).rejects.toThrow(PrivateAddressError);
    expect(asked).toHaveLength(2);
    expect(seen).toHaveLength(1);
  });
});

/** The connection's own address counts as a public one. */
async function reachable() {
  const { seen, urlOf } = await inside();
  const { lookup } = fixedLookup(['127.0.0.1']);
  const ask = createPublicFetch({ lookup, isRefused: () => false });
  return { seen, ask, urlOf: (path: string) => urlOf('idp.example', path) };
}

describe('a public host', () => {
  it('gets method, headers and body, under its own name', async () => {
    const { seen, ask, urlOf } = await reachable();
    const response = await ask(urlOf('/token'), {
      method: 'POST',
      headers: { authorization: 'Basic eA==' },
      body: new URLSearchParams({ code: 'ü&x' }),
    });
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(await response.json()).toEqual({ good: true });
    const [asked] = seen;
    expect(asked?.body).toBe('code=%C3%BC%26x');
    expect(asked?.request.method).toBe('POST');
    expect(asked?.request.headers).toMatchObject({
      host: urlOf('/').host,
      authorization: 'Basic eA==',
      'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
      'content-length': '15',
    });
  });

  it('leads nowhere by a redirect, and may say nothing', async () => {
    const { seen, ask, urlOf } = await reachable();
    expect((await ask(urlOf('/redirect'))).status).toBe(302);
    expect(await (await ask(urlOf('/nothing'))).text()).toBe('');
    expect(seen).toHaveLength(2);
  });

  it('may not pack its answer, which was not asked for', async () => {
    const { ask, urlOf } = await reachable();
    await expect(ask(urlOf('/packed'))).rejects.toThrow(TypeError);
  });

  it('is cut off where its answer is longer than is read', async () => {
    const { seen, ask, urlOf } = await reachable();
    await expect(readBounded(await ask(urlOf('/huge')))).rejects.toThrow(TooLargeError);
    const socket = seen[0]?.request.socket;
    if (socket && !socket.destroyed) await once(socket, 'close');
  });

  it('is left when the time is over, before its answer and within', async () => {
    const { ask, urlOf } = await reachable();
    await expect(ask(urlOf('/'), { signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    const leaving = new AbortController();
    const response = await ask(urlOf('/slow'), { signal: leaving.signal });
    leaving.abort();
    await expect(response.text()).rejects.toThrow(/abort/);
  });

  it('without an address, or that nobody answers for, is an error', async () => {
    const { urlOf } = await inside();
    const nowhere = createPublicFetch({ lookup: fixedLookup([]).lookup });
    await expect(nowhere(urlOf('nowhere.example'))).rejects.toThrow('no address');
    const broken: Lookup = (_hostname, _options, callback) => callback(new Error('EAI_AGAIN'), []);
    await expect(createPublicFetch({ lookup: broken })(urlOf('x.example'))).rejects.toThrow('EAI');
  });
});

describe('under the rules of production', () => {
  const rules = { allowLoopbackHttp: false, allowHttpHosts: new Set(['idp']) };
  const { lookup } = fixedLookup(['127.0.0.1']);

  it('a listed host is fetched from wherever it is; its list is by name, not by address', async () => {
    const { seen, urlOf } = await inside();
    const allowHttpHosts = new Set(['127.0.0.1']);
    const ask = createRemoteFetch({ ...rules, allowHttpHosts, internalHosts: new Set(), lookup });
    expect((await ask(urlOf('127.0.0.1').href)).status).toBe(200);
    await expect(ask(urlOf('localhost').href)).rejects.toThrow(TypeError);
    const http = { allowLoopbackHttp: true, internalHosts: new Set(['localhost']), lookup };
    expect((await createRemoteFetch(http)(urlOf('localhost').href)).status).toBe(200);
    await expect(createRemoteFetch(http)(urlOf('127.0.0.1').href)).rejects.toThrow(
      PrivateAddressError,
    );
    expect(seen).toHaveLength(2);
  });

  it("goes through the application's own fetch, which still gets no private address and no redirect", async () => {
    const asked: unknown[] = [];
    const own: typeof fetch = async (input, init) => {
      asked.push([input, init?.redirect]);
      return new Response('{}');
    };
    const ask = createRemoteFetch({ ...rules, internalHosts: new Set(), fetch: own });
    await ask('https://idp.tenant.example/keys', { redirect: 'follow' });
    await expect(ask('https://169.254.169.254/keys')).rejects.toThrow(PrivateAddressError);
    expect(asked).toEqual([['https://idp.tenant.example/keys', 'manual']]);
  });
});
