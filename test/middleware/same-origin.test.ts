import { errorHandler, sameOrigin, type SameOriginOptions } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { expressVersions } from '../world/express-versions.js';
import { serve } from '../world/serve.js';

const json = { 'Content-Type': 'application/json' };

describe.each(expressVersions)('sameOrigin on $name', ({ express }) => {
  async function createWorld(options: SameOriginOptions = { origins: ['https://app.test'] }) {
    const app = express();
    app.use(sameOrigin(options), (_req, res) => void res.json({}));
    app.use(errorHandler());
    const { origin } = await serve(app);
    return async (
      headers: Record<string, string>,
      init: RequestInit = { method: 'POST', body: '{}' },
    ) => {
      const response = await fetch(origin, { ...init, headers });
      const { code } = (await response.json()) as { code?: string };
      return code ?? response.status;
    };
  }

  it.each([
    { title: 'the own page', headers: { 'Sec-Fetch-Site': 'same-origin' }, outcome: 200 },
    {
      title: 'the own page, with its Origin',
      headers: { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://self.test', Cookie: 'a=b' },
      outcome: 200,
    },
    {
      title: 'a listed origin',
      headers: { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://app.test', Cookie: 'a=b' },
      outcome: 200,
    },
    {
      title: 'a listed origin in an old browser',
      headers: { Origin: 'https://app.test', Cookie: 'a=b' },
      outcome: 200,
    },
    {
      title: 'L10 another site without cookies',
      headers: { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.test' },
      outcome: 'CROSS_SITE_REQUEST',
    },
    {
      title: 'another site that hides its Origin',
      headers: { 'Sec-Fetch-Site': 'cross-site' },
      outcome: 'CROSS_SITE_REQUEST',
    },
    {
      title: 'a sibling domain',
      headers: { 'Sec-Fetch-Site': 'same-site', Origin: 'https://blog.app.test' },
      outcome: 'CROSS_SITE_REQUEST',
    },
    {
      title: 'a user who typed the address',
      headers: { 'Sec-Fetch-Site': 'none' },
      outcome: 'CROSS_SITE_REQUEST',
    },
    { title: 'R10 Origin null', headers: { Origin: 'null' }, outcome: 'CROSS_SITE_REQUEST' },
    {
      title: 'a longer host',
      headers: { Origin: 'https://app.test.evil.test' },
      outcome: 'CROSS_SITE_REQUEST',
    },
    {
      title: 'another scheme',
      headers: { Origin: 'http://app.test' },
      outcome: 'CROSS_SITE_REQUEST',
    },
    {
      title: 'another port',
      headers: { Origin: 'https://app.test:444' },
      outcome: 'CROSS_SITE_REQUEST',
    },
    {
      title: 'X-CSRF does not help another origin',
      headers: { Origin: 'https://evil.test', 'X-CSRF': '1' },
      outcome: 'CROSS_SITE_REQUEST',
    },
    { title: 'a program without cookie', headers: {}, outcome: 200 },
    { title: 'a program with cookie', headers: { Cookie: 'a=b' }, outcome: 'CROSS_SITE_REQUEST' },
    {
      title: 'a program with cookie that says so',
      headers: { Cookie: 'a=b', 'X-CSRF': '1' },
      outcome: 200,
    },
    {
      title: 'X-CSRF with another value',
      headers: { Cookie: 'a=b', 'X-CSRF': 'true' },
      outcome: 'CROSS_SITE_REQUEST',
    },
  ])('an unsafe request of $title: $outcome', async ({ headers, outcome }) => {
    const send = await createWorld();
    expect(await send({ ...json, ...headers })).toBe(outcome);
  });

  it.each(['GET', 'OPTIONS'])('%s is safe and passes from everywhere', async (method) => {
    const send = await createWorld();
    expect(
      await send({ 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.test' }, { method }),
    ).toBe(200);
  });

  it('HEAD is as safe as GET and passes from everywhere', async () => {
    const app = express();
    app.use(sameOrigin(), (_req, res) => void res.sendStatus(200));
    app.use(errorHandler());
    const { origin } = await serve(app);
    const headers = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.test', Cookie: 'a=b' };
    expect((await fetch(origin, { method: 'HEAD', headers })).status).toBe(200);
  });

  it.each([
    {
      title: 'another origin',
      headers: { Origin: 'https://evil.test' },
      cure: 'AUTH_CORS_ORIGINS',
    },
    { title: 'a program with a cookie', headers: { Cookie: 'a=b' }, cure: 'X-CSRF: 1' },
  ])('the refusal of $title names the cure', async ({ headers, cure }) => {
    const app = express();
    app.use(sameOrigin(), errorHandler());
    const { origin } = await serve(app);
    const init = { method: 'POST', body: '{}', headers: { ...json, ...headers } };
    const { detail } = (await (await fetch(origin, init)).json()) as { detail: string };
    expect(detail).toContain(cure);
  });

  it.each(['PUT', 'PATCH', 'DELETE'])('%s is not', async (method) => {
    const send = await createWorld();
    expect(await send({ Origin: 'https://evil.test' }, { method })).toBe('CROSS_SITE_REQUEST');
  });

  it.each([
    { type: 'application/json', outcome: 200 },
    { type: 'application/json; charset=utf-8', outcome: 200 },
    { type: 'application/merge-patch+json', outcome: 200 },
    { type: 'text/plain', outcome: 'UNSUPPORTED_MEDIA_TYPE' },
    { type: 'application/x-www-form-urlencoded', outcome: 'UNSUPPORTED_MEDIA_TYPE' },
    { type: 'text/plain; x=application/json', outcome: 'UNSUPPORTED_MEDIA_TYPE' },
    { type: 'application/jsonp', outcome: 'UNSUPPORTED_MEDIA_TYPE' },
  ])('a body of $type: $outcome', async ({ type, outcome }) => {
    const send = await createWorld();
    expect(await send({ 'Sec-Fetch-Site': 'same-origin', 'Content-Type': type })).toBe(outcome);
  });

  it('asks no content type of a request without a body, or when told not to', async () => {
    expect(
      await (
        await createWorld()
      )({ 'Sec-Fetch-Site': 'same-origin' }, { method: 'POST' }),
    ).toBe(200);
    const lax = await createWorld({ requireJson: false });
    expect(await lax({ 'Sec-Fetch-Site': 'same-origin', 'Content-Type': 'text/plain' })).toBe(200);
  });
});

describe('options of sameOrigin that cannot work', () => {
  it.each([
    { origins: ['*'] },
    { origins: ['null'] },
    { origins: ['https://a.test/'] },
    { origin: [] },
  ])('%j', (options) => {
    expect(() => sameOrigin(options as SameOriginOptions)).toThrow(TypeError);
  });
});
