import type { ErrorRequestHandler } from 'express';
import {
  AuthError,
  type AuthErrorCode,
  errorHandler,
  type ErrorHandlerOptions,
  principalOf,
} from 'latchkey';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { createEventLog } from '../world/event-log.js';
import { expressVersions } from '../world/express-versions.js';
import { serve } from '../world/serve.js';

const statuses: Readonly<Record<AuthErrorCode, number>> = {
  CREDENTIALS_MISSING: 401,
  TOKEN_EXPIRED: 401,
  INVALID_TOKEN: 401,
  TOKEN_REVOKED: 401,
  INVALID_DPOP_PROOF: 401,
  USE_DPOP_NONCE: 401,
  INVALID_CREDENTIALS: 401,
  INVALID_CLIENT: 401,
  INVALID_SCOPE: 400,
  UNSUPPORTED_GRANT_TYPE: 400,
  LOGIN_FAILED: 401,
  LOGIN_DENIED: 403,
  REFRESH_INVALID: 401,
  REFRESH_REUSED: 401,
  AUTH_CONTEXT_REQUIRED: 401,
  INSUFFICIENT_SCOPE: 403,
  INSUFFICIENT_ROLE: 403,
  INVALID_REQUEST: 400,
  ORG_REQUIRED: 400,
  ORG_FORBIDDEN: 403,
  RESOURCE_FORBIDDEN: 403,
  CROSS_SITE_REQUEST: 403,
  IMPERSONATION_ACTIVE: 403,
  IMPERSONATION_DENIED: 403,
  PASSWORD_CHANGE_REQUIRED: 403,
  PASSWORD_POLICY: 400,
  RATE_LIMITED: 429,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  SERVER_BUSY: 503,
  KEYS_UNAVAILABLE: 503,
  STORE_UNAVAILABLE: 503,
  PROVIDER_ERROR: 502,
  UNSUPPORTED_MEDIA_TYPE: 415,
  PAYLOAD_TOO_LARGE: 413,
};
const codes = Object.entries(statuses) as [AuthErrorCode, number][];

/** Answers instead of Express' own handler, which would print the error. */
function passOn(error: unknown): ErrorRequestHandler {
  // oxlint-disable-next-line max-params -- Express tells error handlers by their four parameters
  return (failure, _req, res, _next) => void res.status(599).json({ passedOn: failure === error });
}

describe.each(expressVersions)('errorHandler on $name', ({ express }) => {
  async function answerTo(error: unknown, options?: ErrorHandlerOptions, init?: RequestInit) {
    const app = express();
    app.get('/', (req, _res, next) => {
      req.id = 'request-1';
      next(error);
    });
    app.use(errorHandler(options));
    app.use(passOn(error));
    const { origin } = await serve(app);
    return fetch(origin, init);
  }

  it.each(codes)('%s explains more in its detail than in its title', (code) => {
    const { title, detail } = new AuthError(code).problem;
    expect(detail.length).toBeGreaterThan(title.length);
    const particular = new AuthError(code, { detail: 'This is why.' }).problem;
    expect(particular).toMatchObject({ title, detail: 'This is why.' });
  });

  it.each(codes)('%s is answered with %i, problem+json and no-store', async (code, status) => {
    const response = await answerTo(new AuthError(code));
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await response.json()).toMatchObject({
      type: `urn:problem-type:latchkey:${code.toLowerCase().replaceAll('_', '-')}`,
      title: expect.any(String),
      status,
      detail: expect.any(String),
      code,
      request_id: 'request-1',
    });
    // RFC 9110 §15.5.2: a 401 must say how to authenticate.
    expect(response.headers.has('www-authenticate')).toBe(
      status === 401 || code === 'INSUFFICIENT_SCOPE',
    );
    expect(response.headers.has('retry-after')).toBe(status === 503);
  });

  it('nested: code, message and the time of expiry', async () => {
    const expired = new AuthError('TOKEN_EXPIRED', { expiredAt: 1_737_374_400 });
    const response = await answerTo(expired, { format: 'nested' });
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    expect(response.headers.get('www-authenticate')).toBe(
      'Bearer realm="api", error="invalid_token"',
    );
    expect(await response.json()).toEqual({
      error: {
        code: 'TOKEN_EXPIRED',
        message: expect.any(String),
        expired_at: '2025-01-20T12:00:00Z',
      },
    });
    expect(
      await (await answerTo(new AuthError('INVALID_TOKEN'), { format: 'nested' })).json(),
    ).toEqual({
      error: { code: 'INVALID_TOKEN', message: expect.any(String) },
    });
  });

  it.each([
    {
      code: 'CREDENTIALS_MISSING',
      body: { error: 'Unauthorized', message: 'Missing or invalid Authorization header' },
    },
    { code: 'TOKEN_EXPIRED', body: { error: 'Unauthorized', message: 'Invalid or expired token' } },
    { code: 'INVALID_TOKEN', body: { error: 'Unauthorized', message: 'Invalid or expired token' } },
    { code: 'INSUFFICIENT_ROLE', body: { error: 'Forbidden', message: expect.any(String) } },
  ] as const)('flat: $code', async ({ code, body }) => {
    const options = code === 'TOKEN_EXPIRED' ? { expiredAt: 1 } : {};
    const response = await answerTo(new AuthError(code, options), { format: 'flat' });
    expect(await response.json()).toEqual(body);
  });

  it.each([
    { authorization: 'Bearer', message: 'Missing or invalid Authorization header' },
    { authorization: 'Bearer: e30.e30.AA', message: 'Missing or invalid Authorization header' },
    { authorization: 'Bearer undefined', message: 'Invalid or expired token' },
  ])(
    'flat: INVALID_TOKEN of “Authorization: $authorization”',
    async ({ authorization, message }) => {
      const headers = { authorization };
      const response = await answerTo(
        new AuthError('INVALID_TOKEN'),
        { format: 'flat' },
        { headers },
      );
      expect(await response.json()).toEqual({ error: 'Unauthorized', message });
    },
  );

  it('a format of one\u2019s own gets the error and the request, and weakens no header', async () => {
    const format: ErrorHandlerOptions['format'] = ({ code }, req) => ({ oops: code, at: req.path });
    const response = await answerTo(new AuthError('INVALID_TOKEN'), { format });
    expect(await response.json()).toEqual({ oops: 'INVALID_TOKEN', at: '/' });
    expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /);
  });

  it.each([
    { title: 'another error', error: new Error('not ours') },
    {
      title: 'an error that looks like ours',
      error: Object.assign(new Error('x'), { name: 'AuthError', status: 401 }),
    },
    { title: 'a text', error: 'no error at all' },
  ])('$title is passed on untouched', async ({ error }) => {
    const response = await answerTo(error);
    expect(response.status).toBe(599);
    expect(await response.json()).toEqual({ passedOn: true });
  });

  it('HEAD gets the headers and no body', async () => {
    const response = await answerTo(new AuthError('INVALID_TOKEN'), {}, { method: 'HEAD' });
    expect(response.status).toBe(401);
    expect(response.headers.has('www-authenticate')).toBe(true);
    expect(await response.text()).toBe('');
  });

  it('headers of the content that a handler had begun to prepare are dropped', async () => {
    const app = express();
    app.get('/', (_req, res) => {
      res.set({ 'Content-Encoding': 'gzip', ETag: '"old"', 'X-Kept': 'yes' });
      throw new AuthError('INVALID_TOKEN');
    });
    app.use(errorHandler());
    const { origin } = await serve(app);
    const { headers } = await fetch(origin);
    expect(headers.get('content-encoding')).toBeNull();
    expect(headers.get('etag')).not.toBe('"old"');
    expect(headers.get('x-kept')).toBe('yes');
  });

  it('a response that has begun is left to Express, which ends the connection', async () => {
    const app = express();
    app.set('env', 'test');
    app.get('/', (_req, res, next) => {
      res.write('begun');
      next(new AuthError('INVALID_TOKEN'));
    });
    app.use(errorHandler());
    const { origin } = await serve(app);
    await expect(fetch(origin).then((response) => response.text())).rejects.toThrow(/terminated/);
  });

  it('reports each 403 and each demand for a stronger sign-in, and no other refusal', async () => {
    const events = createEventLog();
    for (const [code] of codes) await answerTo(new AuthError(code), { events });
    expect(events.of('access.denied').map(({ code }) => code)).toEqual([
      'AUTH_CONTEXT_REQUIRED',
      'INSUFFICIENT_SCOPE',
      'INSUFFICIENT_ROLE',
      'ORG_FORBIDDEN',
      'RESOURCE_FORBIDDEN',
      'CROSS_SITE_REQUEST',
      'IMPERSONATION_ACTIVE',
      'IMPERSONATION_DENIED',
      'PASSWORD_CHANGE_REQUIRED',
    ]);
    expect(events.of('access.denied')[0]).toMatchObject({ requestId: 'request-1' });
  });
});

describe('options of errorHandler that cannot work', () => {
  it.each([{ format: 'xml' }, { format: 'constructor' }, { format: null }, { formats: 'flat' }])(
    '%j',
    (options) => {
      expect(() => errorHandler(options as ErrorHandlerOptions)).toThrow(TypeError);
    },
  );
});

describe('AuthError', () => {
  it('is an Error with a code, no stack for refusals, and safe to print', () => {
    const cause = new Error('the driver says');
    const outage = new AuthError('STORE_UNAVAILABLE', { cause, retryAfterSeconds: 0.2 });
    expect(outage).toBeInstanceOf(Error);
    expect(outage).toMatchObject({ name: 'AuthError', expose: true, cause });
    expect(outage.headers['Retry-After']).toBe('1');
    expect(outage.stack).toContain('error-handler.test');
    expect(new AuthError('INVALID_TOKEN').stack).not.toContain('error-handler.test');
  });

  it('INVALID_REQUEST names a challenge where a bearer credential was judged', () => {
    expect(new AuthError('INVALID_REQUEST', { realm: 'r' }).headers['WWW-Authenticate']).toBe(
      'Bearer realm="r", error="invalid_request"',
    );
    expect(new AuthError('INVALID_REQUEST').headers['WWW-Authenticate']).toBeUndefined();
  });

  it('that many requests share can be logged by pino, and its members cannot be changed', () => {
    const refusals = [0, 1].map(() => {
      try {
        return principalOf({});
      } catch (error) {
        return error;
      }
    });
    const lines: string[] = [];
    pino({}, { write: (line) => lines.push(line) }).warn(refusals[0]);
    expect(JSON.parse(lines.join(''))).toMatchObject({ err: { code: 'CREDENTIALS_MISSING' } });
    expect(refusals[0]).toBe(refusals[1]);
    for (const name of ['code', 'status', 'message', 'stack', 'headers'])
      expect(() => Object.assign(Object(refusals[0]), { [name]: 'other' })).toThrow(TypeError);
  });
});
