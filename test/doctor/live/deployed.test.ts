import { once } from 'node:events';
import { request, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { type AuthOptions, createAuth, memoryStore } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';
import { judgeValidity } from '../../../lib/doctor/live/certificate.js';
import { checkDeployed, checkPlainHttp } from '../../../lib/doctor/live/deployed.js';
import { BASE } from '../../world/auth-server.js';
import { makeCertificate } from '../../world/certificates.js';
import { reservePort } from '../../world/login-app.js';
import { serve } from '../../world/serve.js';
import { faultsIn, subjectOf } from './world.js';

interface Deployment extends AuthOptions {
  /** Express' setting. @defaultValue `false` */
  readonly trustProxy?: unknown;
  readonly hasHeaders?: boolean;
  readonly mount?: string;
}

function createApp(publicUrl: string, deployment: Deployment): RequestListener {
  const { trustProxy = false, hasHeaders = true, mount = '/api/auth', ...options } = deployment;
  const auth = createAuth({ ...BASE, publicUrl, ...options });
  onTestFinished(() => auth.close());
  const app = express();
  app.set('trust proxy', trustProxy);
  if (hasHeaders) app.use(auth.securityHeaders());
  app.use(mount, auth.router());
  return app;
}

/** Checks an application that runs at its public URL. */
async function check(deployment: Deployment = {}) {
  const port = await reservePort();
  port.serve(createApp(port.origin, deployment));
  return checkDeployed(subjectOf({ AUTH_PUBLIC_URL: port.origin }));
}

describe('the application at AUTH_PUBLIC_URL', () => {
  it('has no fault', async () => {
    const findings = await check();
    expect(faultsIn(findings)).toEqual([]);
    const checks = ['live_app', 'live_headers', 'live_client_address', 'live_clock'];
    expect(findings.map((finding) => finding.check)).toEqual(checks);
  });

  it.each([
    {
      title: 'without security headers',
      deployment: { hasHeaders: false },
      found: 'warn live_headers',
    },
    { title: 'mounted elsewhere', deployment: { mount: '/auth' }, found: 'warn live_app' },
    {
      title: 'that believes every client',
      deployment: { trustProxy: true },
      found: 'fail live_client_address',
    },
    {
      title: 'that counts a proxy which is not there',
      deployment: { trustProxy: 1 },
      found: 'fail live_client_address',
    },
    {
      title: 'whose store is down',
      deployment: { store: { ...memoryStore(), ping: () => Promise.reject(new Error('down')) } },
      found: 'fail live_app',
    },
  ])('$title', async ({ deployment, found }) => {
    expect(faultsIn(await check(deployment))).toEqual([found]);
  });

  it('need not run on this machine', async () => {
    const port = await serve(() => undefined);
    await port.close();
    expect(await checkDeployed(subjectOf({ AUTH_PUBLIC_URL: port.origin }))).toEqual([]);
  });

  it('is asked for its page alone where it has no router', async () => {
    const port = await reservePort();
    const asked: unknown[] = [];
    port.serve((req, res) => {
      asked.push(req.url);
      res.setHeader('X-Content-Type-Options', 'nosniff').end();
    });
    const only = { AUTH_JWT_SECRET: '', AUTH_JWT_ISSUER: 'https://id.example' };
    const keys = { AUTH_JWKS_URL: 'https://id.example/jwks', AUTH_PUBLIC_URL: port.origin };
    expect(faultsIn(await checkDeployed(subjectOf({ ...only, ...keys })))).toEqual([]);
    expect(asked).toEqual(['/']);
  });
});

describe('an application behind a proxy of another address', () => {
  /** Passes requests on from 127.0.0.2, as a proxy on another machine would. */
  async function checkBehindProxy(trustProxy: unknown) {
    const front = await reservePort();
    const { origin } = await serve(createApp(front.origin, { trustProxy }));
    front.serve((req, res) => {
      const chain = [req.headers['x-forwarded-for'] ?? [], req.socket.remoteAddress].flat();
      const headers = { ...req.headers, 'x-forwarded-for': chain.join(', ') };
      const passed = request(`${origin}${req.url}`, { headers, localAddress: '127.0.0.2' });
      passed.once('response', (answer) => {
        res.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(res);
      });
      passed.end();
    });
    return checkDeployed(subjectOf({ AUTH_PUBLIC_URL: front.origin }));
  }

  it.each([
    { trustProxy: 1, found: [] },
    { trustProxy: false, found: ['warn live_client_address'] },
    { trustProxy: 2, found: ['fail live_client_address'] },
  ])('with `trust proxy` $trustProxy', async ({ trustProxy, found }) => {
    expect(faultsIn(await checkBehindProxy(trustProxy))).toEqual(found);
  });
});

describe('an application over https', () => {
  async function serveTls(listener: RequestListener): Promise<string> {
    const { pem, key } = makeCertificate('app.example');
    const server = createTlsServer({ cert: pem, key }, listener).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it('whose certificate is not trusted', async () => {
    const origin = await serveTls(() => undefined);
    const findings = await checkDeployed(subjectOf({ AUTH_PUBLIC_URL: origin }));
    expect(faultsIn(findings)).toEqual(['fail live_app']);
  });
});

const DAY_MS = 86_400_000;

it.each([
  { title: 'that has expired', from: -90, to: -1, outcome: 'fail' },
  { title: 'of 90 days that has 10 left', from: -80, to: 10.5, outcome: 'warn' },
  { title: 'of 90 days that has 30 left', from: -60, to: 30.5, outcome: 'pass' },
  { title: 'of 6 days that has 3 left', from: -3, to: 3.5, outcome: 'pass' },
  { title: 'of 6 days that has one left', from: -5, to: 1.1, outcome: 'warn' },
])('a certificate $title: $outcome', ({ from, to, outcome }) => {
  expect(judgeValidity({ from: from * DAY_MS, to: to * DAY_MS }, 0).outcome).toBe(outcome);
});

describe('plain http', () => {
  it.each([
    { title: 'leads to https', status: 308, location: 'https://127.0.0.1/', outcome: 'pass' },
    { title: 'leads elsewhere', status: 302, location: 'http://127.0.0.1/', outcome: 'warn' },
    { title: 'answers', status: 200, location: '', outcome: 'warn' },
  ])('that $title: $outcome', async ({ status, location, outcome }) => {
    const { origin } = await serve((_req, res) => {
      res.writeHead(status, location === '' ? {} : { location }).end();
    });
    const asking = { allowLoopbackHttp: false, internalHosts: 'any', now: Date.now } as const;
    expect((await checkPlainHttp(new URL(origin), asking)).outcome).toBe(outcome);
  });
});
