import express from 'express';
import {
  type AuthOptions,
  type ClientCertificateOptions,
  createAuth,
  createVerifier,
  requireAuth,
} from 'latchkey';
import { createDpopKey, createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { recordEvents } from '../world/auth-server.js';
import { type Certificate, makeCertificate } from '../world/certificates.js';
import { serve } from '../world/serve.js';

const forwarded = {
  header: 'Client-Cert',
  format: 'rfc9440',
  trustedProxies: ['127.0.0.1'],
} satisfies ClientCertificateOptions;

/** An API behind a proxy, which is whoever calls it. */
async function createWorld(
  clientCertificates?: ClientCertificateOptions,
  options: AuthOptions = {},
) {
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const auth = createAuth({
    env: {},
    onWarning: () => undefined,
    trustedIssuers: [issuer.policy],
    ...(clientCertificates && { clientCertificates }),
    ...options,
  });
  const events = recordEvents(auth);
  const app = express();
  app.get('/', auth.requireAuth(), (req, res) => res.json({ subject: req.auth?.subject }));
  app.get('/verifier', requireAuth(createVerifier({ issuers: issuer.policy })), (_req, res) =>
    res.end(),
  );
  app.get('/direct', (req, res, next) => {
    auth.authenticate(req).then(({ subject }) => res.json({ subject }), next);
  });
  app.use(auth.errorHandler());
  const { origin } = await serve(app);
  return {
    issuer,
    events,
    mint: (cnf: unknown) => issuer.mint({ cnf }),
    send: (token: string, headers: Record<string, string> = {}, path = '/') =>
      fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${token}`, ...headers } }),
  };
}

const boundTo = (certificate: Certificate) => ({ 'x5t#S256': certificate.digest('base64url') });
const shown = ({ der }: Certificate) => ({ 'client-cert': `:${der.toString('base64')}:` });

const REFUSED = { code: 'INVALID_TOKEN', error: 'invalid_token' };

describe('a stolen token that is bound to a certificate', () => {
  it('is of no use without the certificate, with another one, or with the public half of a spoofed one', async () => {
    const { mint, send, events } = await createWorld(forwarded);
    const [own, other] = [makeCertificate('own'), makeCertificate('other')];
    const token = await mint(boundTo(own));
    expect((await send(token, shown(own))).status).toBe(200);
    for (const headers of [{}, shown(other), { 'client-cert': own.digest('base64url') }]) {
      const response = await send(token, headers);
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toContain('error="invalid_token"');
      expect(await response.json()).toMatchObject(REFUSED);
    }
    const refusals = events.filter(({ name }) => name === 'token.refused');
    expect(refusals).toHaveLength(3);
    expect(refusals.at(-1)?.event).toMatchObject({ reason: 'client_certificate' });
    expect(JSON.stringify(events)).not.toContain(token);
    expect(JSON.stringify(events)).not.toContain(own.digest('base64url'));
  });

  it.each([{ path: '/' }, { path: '/direct' }, { path: '/verifier' }])(
    'is refused at $path where client certificates are off',
    async ({ path }) => {
      const { mint, send } = await createWorld();
      const own = makeCertificate('own');
      const response = await send(await mint(boundTo(own)), shown(own), path);
      expect(response.status).toBe(401);
    },
  );

  it('is refused by authenticate() as by the guards', async () => {
    const { mint, send } = await createWorld(forwarded);
    const own = makeCertificate('own');
    const token = await mint(boundTo(own));
    expect((await send(token, shown(own), '/direct')).status).toBe(200);
    expect((await send(token, {}, '/direct')).status).toBe(401);
  });

  it.each([
    { title: 'a number', cnf: { 'x5t#S256': 1 } },
    { title: 'a list', cnf: { 'x5t#S256': ['a'] } },
    { title: 'empty', cnf: { 'x5t#S256': '' } },
    { title: 'null', cnf: { 'x5t#S256': null } },
    { title: 'unknown', cnf: { kid: 'a' } },
    { title: 'missing', cnf: {} },
    { title: 'in a list', cnf: [{ 'x5t#S256': 'a' }] },
    { title: 'text', cnf: 'x5t#S256' },
  ])('is refused where the binding is $title', async ({ cnf }) => {
    const { mint, send } = await createWorld(forwarded);
    const own = makeCertificate('own');
    expect((await send(await mint(cnf), shown(own))).status).toBe(401);
    expect((await send(await mint(cnf))).status).toBe(401);
  });

  it('is refused when it is bound to a key as well, which the request does not prove', async () => {
    const { mint, send } = await createWorld(forwarded);
    const own = makeCertificate('own');
    const both = await mint({
      ...boundTo(own),
      jkt: 'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
    });
    expect((await send(both, shown(own))).status).toBe(401);
  });

  it('that is bound to a key as well takes both, and a proof is not used up where the certificate is wrong', async () => {
    const { mint, send } = await createWorld(forwarded, {
      publicUrl: 'https://api.test',
      dpop: { mode: 'accepted' },
    });
    const [own, other] = [makeCertificate('own'), makeCertificate('other')];
    const key = await createDpopKey();
    const token = await mint({ ...boundTo(own), ...key.cnf });
    const proven = () => ({
      authorization: `DPoP ${token}`,
      dpop: key.proof({ url: 'https://api.test/', token }),
    });
    expect((await send(token, { ...proven(), ...shown(own) })).status).toBe(200);
    expect((await send(token, shown(own))).status).toBe(401);
    expect((await send(token, proven())).status).toBe(401);
    const once = proven();
    expect((await send(token, { ...once, ...shown(other) })).status).toBe(401);
    expect((await send(token, { ...once, ...shown(own) })).status).toBe(200);
    expect((await send(token, { ...once, ...shown(own) })).status).toBe(401);
  });

  it('is refused when only its issuer spells the thumbprint in another way', async () => {
    const { mint, send } = await createWorld(forwarded);
    const own = makeCertificate('own');
    for (const thumbprint of [own.digest('hex'), `${own.digest('base64url')}=`])
      expect((await send(await mint({ 'x5t#S256': thumbprint }), shown(own))).status).toBe(401);
  });
});

describe('a spoofed certificate header', () => {
  it.each([
    { title: 'another address', trustedProxies: ['10.0.3.7'] },
    { title: 'another network', trustedProxies: ['10.0.3.0/24', '192.168.0.0/16', '::1'] },
    { title: 'a neighbour', trustedProxies: ['127.0.0.2/31'] },
  ])('counts as absent from a client where the proxy is $title', async ({ trustedProxies }) => {
    const { mint, send } = await createWorld({ ...forwarded, trustedProxies });
    const own = makeCertificate('own');
    const token = await mint(boundTo(own));
    const pretence = { 'x-forwarded-for': '10.0.3.7', forwarded: 'for=10.0.3.7', ...shown(own) };
    expect((await send(token, pretence)).status).toBe(401);
  });

  it.each([{ trustedProxies: ['127.0.0.0/8'] }, { trustedProxies: ['::ffff:127.0.0.1', '::1'] }])(
    'is not what a proxy in $trustedProxies sends',
    async ({ trustedProxies }) => {
      const { mint, send } = await createWorld({ ...forwarded, trustedProxies });
      const own = makeCertificate('own');
      expect((await send(await mint(boundTo(own)), shown(own))).status).toBe(200);
    },
  );

  it('beside the one of the proxy makes both worthless', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const own = makeCertificate('own');
    const value = shown(own)['client-cert'];
    const request = (rawHeaders: readonly string[]) => ({
      headers: {
        authorization: `Bearer ${issuer.mintSync({ cnf: boundTo(own) })}`,
        'client-cert': value,
      },
      rawHeaders,
      socket: { remoteAddress: '::ffff:127.0.0.1' },
    });
    const auth = createAuth({
      env: {},
      trustedIssuers: [issuer.policy],
      clientCertificates: forwarded,
    });
    await expect(auth.authenticate(request(['Client-Cert', value]))).resolves.toMatchObject({
      subject: 'user-1',
    });
    await expect(
      auth.authenticate(request(['Client-Cert', value, 'client-CERT', value])),
    ).rejects.toMatchObject({ status: 401, reason: 'client_certificate' });
  });

  it('does not count without a connection, or on a socket file', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const own = makeCertificate('own');
    const auth = createAuth({
      env: {},
      trustedIssuers: [issuer.policy],
      clientCertificates: forwarded,
    });
    const headers = {
      authorization: `Bearer ${issuer.mintSync({ cnf: boundTo(own) })}`,
      ...shown(own),
    };
    for (const socket of [undefined, {}, { remoteAddress: 'localhost' }, { remoteAddress: '' }])
      await expect(auth.authenticate({ headers, ...(socket && { socket }) })).rejects.toMatchObject(
        { status: 401 },
      );
  });

  it('does not stay with the connection for the next request', async () => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const [own, other] = [makeCertificate('own'), makeCertificate('other')];
    const auth = createAuth({
      env: {},
      trustedIssuers: [issuer.policy],
      clientCertificates: forwarded,
    });
    const socket = { remoteAddress: '127.0.0.1' };
    const authorization = `Bearer ${issuer.mintSync({ cnf: boundTo(own) })}`;
    const outcomes = [];
    for (const certificate of [shown(own), shown(other), {}, shown(own)])
      outcomes.push(
        await auth.authenticate({ headers: { authorization, ...certificate }, socket }).then(
          () => 'passed',
          ({ status }: { status: number }) => status,
        ),
      );
    expect(outcomes).toEqual(['passed', 401, 401, 'passed']);
  });
});

describe('options that would trust the wrong ones', () => {
  it.each<{ title: string; clientCertificates: object }>([
    { title: 'no proxy', clientCertificates: { header: 'Client-Cert', format: 'rfc9440' } },
    { title: 'an empty list', clientCertificates: { ...forwarded, trustedProxies: [] } },
    { title: 'every address', clientCertificates: { ...forwarded, trustedProxies: ['0.0.0.0/0'] } },
    { title: 'every IPv6 address', clientCertificates: { ...forwarded, trustedProxies: ['::/0'] } },
    { title: 'a name', clientCertificates: { ...forwarded, trustedProxies: ['proxy.internal'] } },
    {
      title: 'too long a prefix',
      clientCertificates: { ...forwarded, trustedProxies: ['10.0.0.0/33'] },
    },
    { title: 'true', clientCertificates: { ...forwarded, trustedProxies: true } },
    { title: 'no header', clientCertificates: { ...forwarded, header: '' } },
    {
      title: 'a header with a colon',
      clientCertificates: { ...forwarded, header: 'Client-Cert:' },
    },
    { title: 'an unknown format', clientCertificates: { ...forwarded, format: 'pem' } },
    {
      title: 'a format of every object',
      clientCertificates: { ...forwarded, format: 'constructor' },
    },
    { title: 'both ways', clientCertificates: { ...forwarded, from: 'tls' } },
    { title: 'another way', clientCertificates: { from: 'header' } },
    {
      title: 'a misspelt option',
      clientCertificates: { ...forwarded, trustedProxy: ['127.0.0.1'] },
    },
    { title: 'true alone', clientCertificates: true as unknown as object },
  ])('$title is a TypeError at the start', async ({ clientCertificates }) => {
    const issuer = await createTestIssuer({ algorithm: 'ES256' });
    const options: object = { env: {}, trustedIssuers: [issuer.policy], clientCertificates };
    expect(() => createAuth(options)).toThrow(TypeError);
  });
});
