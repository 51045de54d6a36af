import type { RequestHandler } from 'express';
import { createAuth, securityHeaders, type SecurityHeadersOptions } from 'latchkey';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { expressVersions } from '../world/express-versions.js';
import { serve } from '../world/serve.js';

const SECRET = 'a fit secret of its own: 0dd7b6b3f1c94e38';

describe.each(expressVersions)('securityHeaders on $name', ({ express }) => {
  async function createWorld(options?: SecurityHeadersOptions) {
    const app = express();
    app.use(securityHeaders(options));
    app.get('/', (req, res) => void res.vary('Accept').json({ id: req.id }));
    app.get('/broken', () => {
      throw Object.assign(new Error('broken'), { status: 500 });
    });
    const { origin } = await serve(app);
    return (init: RequestInit & { path?: string } = {}) => fetch(origin + (init.path ?? '/'), init);
  }

  it('api: sends the few headers that matter for JSON', async () => {
    const { headers } = await (await createWorld())();
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-security-policy': "default-src 'none';frame-ancestors 'none'",
      'cross-origin-resource-policy': 'same-origin',
      'referrer-policy': 'no-referrer',
      'strict-transport-security': 'max-age=31536000; includeSubDomains',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'x-request-id': expect.stringMatching(/^[\w-]{36}$/),
    });
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('access-control-allow-origin')).toBeNull();
  });

  it('web: sends the full set, with a policy against inline scripts', async () => {
    const { headers } = await (await createWorld({ preset: 'web' }))();
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("script-src 'self'");
    expect(policy).not.toMatch(/script-src[^;]*unsafe-inline/);
    expect(policy).toContain("frame-ancestors 'self'");
    for (const name of [
      'cross-origin-opener-policy',
      'origin-agent-cluster',
      'x-dns-prefetch-control',
      'x-permitted-cross-domain-policies',
      'x-xss-protection',
    ])
      expect(headers.get(name), name).not.toBeNull();
    expect(headers.get('x-frame-options')).toBe('SAMEORIGIN');
  });

  it('web: tells other sites the origin at most, and own forms keep theirs', async () => {
    const { headers } = await (await createWorld({ preset: 'web' }))();
    expect(headers.get('referrer-policy')).toBe('strict-origin-when-cross-origin');
    expect(headers.get('content-security-policy')).not.toContain('google');
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin');
  });

  /** Helmet's default breaks pages on plain http: https://github.com/helmetjs/helmet/issues/480 */
  describe('web: the policy sends browsers to https', () => {
    const UPGRADE = 'upgrade-insecure-requests';

    async function policyFor(
      middleware: RequestHandler,
      { trustsProxy = false, scheme }: { trustsProxy?: boolean; scheme?: string } = {},
    ) {
      const app = express();
      app.set('trust proxy', trustsProxy ? 1 : false);
      app.use(middleware);
      app.get('/', (_req, res) => void res.json({}));
      const { origin } = await serve(app);
      const { headers } = await fetch(
        origin,
        scheme === undefined ? {} : { headers: { 'X-Forwarded-Proto': scheme } },
      );
      return headers.get('content-security-policy');
    }

    it.each([
      { title: 'a request by http', proxy: {} },
      { title: 'a request by http to a proxy', proxy: { trustsProxy: true, scheme: 'http' } },
      { title: 'what anyone can write', proxy: { trustsProxy: false, scheme: 'https' } },
    ])('not for $title', async ({ proxy }) => {
      const policy = await policyFor(securityHeaders({ preset: 'web' }), proxy);
      expect(policy).toContain("script-src 'self'");
      expect(policy).not.toContain(UPGRADE);
    });

    it('for a request by https', async () => {
      const proxy = { trustsProxy: true, scheme: 'https' };
      expect(await policyFor(securityHeaders({ preset: 'web' }), proxy)).toContain(UPGRADE);
    });

    it.each([
      { publicUrl: 'https://app.test', upgrades: true },
      { publicUrl: 'http://localhost:3000', upgrades: false },
    ])('$publicUrl as the public URL: $upgrades', async ({ publicUrl, upgrades }) => {
      const auth = createAuth({ env: {}, publicUrl, jwt: { secret: SECRET } });
      onTestFinished(() => auth.close());
      const policy = (await policyFor(auth.securityHeaders({ preset: 'web' }))) ?? '';
      expect(policy.includes(UPGRADE)).toBe(upgrades);
    });
  });

  it("web: lets Google's button in where it is asked for", async () => {
    const { headers } = await (await createWorld({ preset: 'web', googleButton: true }))();
    const policy = headers.get('content-security-policy') ?? '';
    const gsi = 'https://accounts.google.com/gsi/';
    expect(policy).toContain(`script-src 'self' ${gsi}client;`);
    expect(policy).toContain(`frame-src 'self' ${gsi}`);
    expect(policy).toContain(`connect-src 'self' ${gsi}`);
    expect(policy).toMatch(/style-src [^;]*https:\/\/accounts\.google\.com\/gsi\/style/);
    expect(headers.get('cross-origin-opener-policy')).toBe('same-origin-allow-popups');
    expect(headers.get('referrer-policy')).toBe('strict-origin-when-cross-origin');
  });

  it.each(['api', 'web'] as const)(
    '%s: lets exactly the named origins frame the page',
    async (preset) => {
      const { headers } = await (
        await createWorld({ preset, frameAncestors: ["'self'", 'https://platform.test'] })
      )();
      expect(headers.get('content-security-policy')).toContain(
        "frame-ancestors 'self' https://platform.test",
      );
      expect(headers.get('x-frame-options')).toBeNull();
      expect(headers.get('cross-origin-opener-policy')).toBeNull();
    },
  );

  it('an empty list of ancestors means nobody', async () => {
    const { headers } = await (await createWorld({ preset: 'web', frameAncestors: [] }))();
    expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    expect(headers.get('x-frame-options')).toBe('DENY');
  });

  it('errors carry the headers too', async () => {
    const response = await (await createWorld())({ path: '/broken' });
    expect(response.status).toBe(500);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  describe('cors', () => {
    const cors = { origins: ['https://app.test', 'https://admin.test:8443'], credentials: true };

    it('lets listed origins read the answer and the headers that clients need', async () => {
      const { headers } = await (
        await createWorld({ cors })
      )({ headers: { Origin: 'https://app.test' } });
      expect(headers.get('access-control-allow-origin')).toBe('https://app.test');
      expect(headers.get('access-control-allow-credentials')).toBe('true');
      const exposed = headers.get('access-control-expose-headers')?.split(/,\s*/);
      expect(exposed).toEqual(
        expect.arrayContaining(['WWW-Authenticate', 'DPoP-Nonce', 'Retry-After', 'X-Request-Id']),
      );
      expect(headers.get('cross-origin-resource-policy')).toBe('cross-origin');
      expect(headers.get('vary')).toBe('Origin, Accept');
    });

    it.each([
      'https://evil.test',
      'https://app.test.evil.test',
      'https://evil-app.test',
      'http://app.test',
      'https://app.test:8443',
      'https://APP.test',
      'null',
      '__proto__',
    ])('gives the origin %s nothing', async (Origin) => {
      const get = await createWorld({ cors });
      for (const method of ['GET', 'OPTIONS']) {
        const preflight = method === 'OPTIONS' ? { 'Access-Control-Request-Method': 'PUT' } : {};
        const { headers } = await get({ method, headers: { Origin, ...preflight } });
        const granted = [...headers.keys()].filter((name) => name.startsWith('access-control-'));
        expect(granted).toEqual([]);
        expect(headers.get('vary')).toMatch(/^Origin/);
      }
    });

    it('says that the answer depends on the origin, also to a request without one', async () => {
      expect((await (await createWorld({ cors }))()).headers.get('vary')).toBe('Origin, Accept');
    });

    it('answers the preflight of a listed origin with 204 and what is allowed', async () => {
      const response = await (
        await createWorld({ cors })
      )({
        method: 'OPTIONS',
        headers: { Origin: 'https://app.test', 'Access-Control-Request-Method': 'PUT' },
      });
      expect(response.status).toBe(204);
      expect(response.headers.get('access-control-allow-methods')).toContain('PUT');
      const allowed = response.headers.get('access-control-allow-headers')?.split(/,\s*/);
      expect(allowed).toEqual(
        expect.arrayContaining([
          'Authorization',
          'DPoP',
          'Content-Type',
          'X-Org-Id',
          'X-Request-Id',
          'X-CSRF',
        ]),
      );
    });

    async function sendPreflight(
      options: NonNullable<SecurityHeadersOptions['cors']>,
      headers: Record<string, string>,
    ) {
      const send = await createWorld({ cors: options });
      const method = { 'Access-Control-Request-Method': 'PUT' };
      return (await send({ method: 'OPTIONS', headers: { ...method, ...headers } })).headers;
    }

    it.each([
      'traceparent,tracestate,baggage', // OpenTelemetry, W3C Trace Context and Baggage
      'baggage,sentry-trace', // Sentry
      'x-datadog-origin,x-datadog-parent-id,x-datadog-sampling-priority,x-datadog-trace-id',
      'b3,x-b3-parentspanid,x-b3-sampled,x-b3-spanid,x-b3-traceid', // Zipkin
      'authorization,x-request-id,newrelic,x-amzn-trace-id,x-cloud-trace-context',
    ])('the headers %s pass a preflight of a listed origin', async (wanted) => {
      const headers = await sendPreflight(cors, {
        Origin: 'https://app.test',
        'Access-Control-Request-Headers': wanted,
      });
      expect(headers.get('access-control-allow-headers')).toBe(wanted);
      expect(headers.get('vary')).toContain('Access-Control-Request-Headers');
    });

    it('no origin that is not listed learns which headers it may send', async () => {
      const wanted = { 'Access-Control-Request-Headers': 'traceparent' };
      const headers = await sendPreflight(cors, { Origin: 'https://evil.test', ...wanted });
      expect(headers.get('access-control-allow-headers')).toBeNull();
    });

    it('only the headers pass that are named, and our own, where some are named', async () => {
      const origin = {
        Origin: 'https://app.test',
        'Access-Control-Request-Headers': 'traceparent',
      };
      const headers = await sendPreflight({ ...cors, allowedHeaders: ['X-Tenant'] }, origin);
      const allowed = headers.get('access-control-allow-headers')?.split(',');
      expect(allowed?.toSorted()).toEqual([
        'Authorization',
        'Content-Type',
        'DPoP',
        'X-CSRF',
        'X-Org-Id',
        'X-Request-Id',
        'X-Tenant',
      ]);
    });

    it('further response headers can be read', async () => {
      const get = await createWorld({ cors: { ...cors, exposedHeaders: ['X-Total'] } });
      const { headers } = await get({ headers: { Origin: 'https://app.test' } });
      const exposed = headers.get('access-control-expose-headers')?.split(',');
      expect(exposed).toEqual(expect.arrayContaining(['X-Total', 'X-Request-Id']));
    });

    it.each(['https://pr-7.preview.test', 'https://a.preview.test'])(
      'a pattern is for %s, without cookies',
      async (Origin) => {
        const origins = ['https://*.preview.test', 'https://app.test'];
        const get = await createWorld({ cors: { origins, credentials: true } });
        const { headers } = await get({ headers: { Origin } });
        expect(headers.get('access-control-allow-origin')).toBe(Origin);
        expect(headers.get('access-control-allow-credentials')).toBeNull();
        const exact = await get({ headers: { Origin: 'https://app.test' } });
        expect(exact.headers.get('access-control-allow-credentials')).toBe('true');
      },
    );

    it.each([
      'https://preview.test',
      'https://a.b.preview.test',
      'https://.preview.test',
      'https://evilpreview.test',
      'http://a.preview.test',
      'https://a.preview.test:8443',
      'https://a.preview.test.evil.test',
      'https://*.preview.test',
      'null',
    ])('a pattern is not for %s', async (Origin) => {
      const get = await createWorld({ cors: { origins: ['https://*.preview.test'] } });
      const { headers } = await get({ headers: { Origin } });
      expect(headers.get('access-control-allow-origin')).toBeNull();
    });

    it.each([
      { title: 'none is listed', options: {} },
      { title: 'others are', options: { cors } },
    ])('a refused preflight is told once, with the setting, when $title', async ({ options }) => {
      const emitWarning = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
      onTestFinished(() => emitWarning.mockRestore());
      const send = await createWorld(options);
      const headers = { Origin: 'https://other.test', 'Access-Control-Request-Method': 'PUT' };
      for (let count = 0; count < 2; count += 1) await send({ method: 'OPTIONS', headers });
      await send({ headers: { Origin: 'https://other.test' } });
      expect(emitWarning.mock.calls).toEqual([
        [expect.stringMatching(/https:\/\/other\.test.*AUTH_CORS_ORIGINS/), 'LatchkeyWarning'],
      ]);
    });

    it('leaves an OPTIONS request that is no preflight to the application', async () => {
      const response = await (
        await createWorld({ cors })
      )({ method: 'OPTIONS', headers: { Origin: 'https://app.test' } });
      expect(response.headers.get('allow')).toMatch(/GET/);
    });

    it('every origin, without cookies', async () => {
      const { headers } = await (
        await createWorld({ cors: { origins: '*' } })
      )({ headers: { Origin: 'https://any.test' } });
      expect(headers.get('access-control-allow-origin')).toBe('*');
      expect(headers.get('access-control-allow-credentials')).toBeNull();
    });
  });

  describe('request id', () => {
    it.each(['abc', 'a.b:c-d_e', 'x'.repeat(128)])('keeps the well-formed %s', async (id) => {
      const response = await (await createWorld())({ headers: { 'X-Request-Id': id } });
      expect(response.headers.get('x-request-id')).toBe(id);
      expect(await response.json()).toEqual({ id });
    });

    it.each(['', 'a b', 'x'.repeat(129), '<script>', 'a"b', 'a,b', '${jndi:x}'])(
      'replaces the malformed %j',
      async (id) => {
        const response = await (await createWorld())({ headers: { 'X-Request-Id': id } });
        expect(response.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/);
      },
    );

    it('is a new one for each request, and none when turned off', async () => {
      const get = await createWorld();
      const ids = await Promise.all(
        [get(), get()].map(async (response) => (await response).headers.get('x-request-id')),
      );
      expect(new Set(ids).size).toBe(2);
      expect(
        (await (await createWorld({ requestId: false }))()).headers.get('x-request-id'),
      ).toBeNull();
    });

    it('respects the one that an earlier middleware chose', async () => {
      const app = express();
      app.use((req, _res, next) => {
        req.id = 'chosen by the proxy'.replaceAll(' ', '-');
        next();
      });
      app.use(securityHeaders(), (req, res) => void res.json({ id: req.id }));
      const { origin } = await serve(app);
      expect(await (await fetch(origin)).json()).toEqual({ id: 'chosen-by-the-proxy' });
    });
  });
});

describe('options of securityHeaders that cannot work', () => {
  it.each([
    { title: 'every origin with cookies', options: { cors: { origins: '*', credentials: true } } },
    { title: 'an origin with a path', options: { cors: { origins: ['https://a.test/app'] } } },
    { title: 'an origin with a slash', options: { cors: { origins: ['https://a.test/'] } } },
    { title: 'the origin null', options: { cors: { origins: ['null'] } } },
    { title: 'an origin without scheme', options: { cors: { origins: ['a.test'] } } },
    {
      title: 'a wildcard for a top-level domain',
      options: { cors: { origins: ['https://*.test'] } },
    },
    { title: 'a wildcard among ancestors', options: { frameAncestors: ['https://*.a.test'] } },
    {
      title: 'every request header',
      options: { cors: { origins: ['https://a.test'], allowedHeaders: ['*'] } },
    },
    {
      title: 'a response header with a value',
      options: { cors: { origins: ['https://a.test'], exposedHeaders: ['X-A: b'] } },
    },
    { title: 'a default port', options: { cors: { origins: ['https://a.test:443'] } } },
    { title: 'a RegExp', options: { cors: { origins: [/a\.test/] } } },
    { title: 'no list', options: { cors: { origins: 'https://a.test' } } },
    { title: 'no origins', options: { cors: {} } },
    { title: 'a misspelt option', options: { frameAncestor: [] } },
    { title: 'a misspelt cors option', options: { cors: { origin: [] } } },
    { title: "Google's button on what is no page", options: { googleButton: true } },
    { title: 'an unknown preset', options: { preset: 'constructor' } },
    { title: 'ancestors that are no list', options: { frameAncestors: 'https://a.test' } },
    {
      title: 'an ancestor with a directive',
      options: { frameAncestors: ['https://a.test; script-src *'] },
    },
    { title: 'null', options: null },
  ])('$title', ({ options }) => {
    expect(() => securityHeaders(options as SecurityHeadersOptions)).toThrow(TypeError);
  });
});
