import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import express from 'express';
import { createAuth, principalOf } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Certificate, makeCertificate } from '../world/certificates.js';

const run = promisify(execFile);

const isMissing = ['curl', 'openssl'].some((name) => spawnSync(name, ['-V']).error !== undefined);

/** An API that terminates TLS itself and takes any client certificate, as for self-signed ones (RFC 8705 §2.2). */
async function createWorld() {
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const auth = createAuth({
    env: {},
    trustedIssuers: [issuer.policy],
    clientCertificates: { from: 'tls' },
  });
  const app = express();
  app.get('/me', auth.requireAuth(), (req, res) => res.json(principalOf(req).subject));
  app.use(auth.errorHandler());
  const own = makeCertificate('localhost');
  const tls = { key: own.key, cert: own.pem, requestCert: true, rejectUnauthorized: false };
  const server = createServer(tls, app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const base = [
    '--silent',
    '--cacert',
    own.pemFile,
    '--write-out',
    ' %{http_code} %{num_connects}',
  ];
  /** Calls several times over one connection; returns status codes, and how many connections were made. */
  const curl = async (token: string, { certificate, times = 1 }: Calls = {}) => {
    const shown = certificate ? ['--cert', certificate.pemFile, '--key', certificate.keyFile] : [];
    const urls = Array.from({ length: times }, () => `https://127.0.0.1:${port}/me`);
    const header = ['--header', `Authorization: Bearer ${token}`];
    const { stdout } = await run('curl', [...base, ...shown, ...header, ...urls]);
    const answers = [...stdout.matchAll(/ (\d{3}) (\d)/g)];
    return {
      statuses: answers.map(([, status]) => Number(status)),
      connections: answers.reduce((sum, [, , count]) => sum + Number(count), 0),
    };
  };
  return { issuer, curl };
}

interface Calls {
  readonly certificate?: Certificate;
  readonly times?: number;
}

describe.skipIf(isMissing)('a token that is bound to a client certificate, over real TLS', () => {
  it('is taken from the client that holds the key, and from no other', async () => {
    const { issuer, curl } = await createWorld();
    const [client, thief] = [makeCertificate('client'), makeCertificate('thief')];
    const bound = issuer.mintSync({ cnf: { 'x5t#S256': client.digest('base64url') } });
    expect((await curl(bound, { certificate: client })).statuses).toEqual([200]);
    expect((await curl(bound, { certificate: thief })).statuses).toEqual([401]);
    expect((await curl(bound)).statuses).toEqual([401]);
    expect((await curl(issuer.mintSync())).statuses).toEqual([200]);
    expect((await curl(issuer.mintSync(), { certificate: thief })).statuses).toEqual([200]);
  });

  it('is taken again on the same connection', async () => {
    const { issuer, curl } = await createWorld();
    const client = makeCertificate('client');
    const bound = issuer.mintSync({ cnf: { 'x5t#S256': client.digest('base64url') } });
    expect(await curl(bound, { certificate: client, times: 3 })).toEqual({
      statuses: [200, 200, 200],
      connections: 1,
    });
  });

  it('is not helped by a header, where the certificate comes with the connection', async () => {
    const { issuer, curl } = await createWorld();
    const client = makeCertificate('client');
    const bound = issuer.mintSync({ cnf: { 'x5t#S256': client.digest('base64url') } });
    const header = `\r\nClient-Cert: :${client.der.toString('base64')}:`;
    expect((await curl(`${bound}${header}`)).statuses).toEqual([401]);
  });
});
