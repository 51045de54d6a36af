import express from 'express';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  AuthError,
  type AuthErrorCode,
  type AuthOptions,
  createAuth,
  errorHandler,
  type ErrorHandlerOptions,
} from 'latchkey';
import { BASE, SECRET, serveAuth } from '../world/auth-server.js';
import { createHttpBrowser, type HttpBrowser } from '../world/http-browser.js';
import { serve } from '../world/serve.js';

async function world(options: ErrorHandlerOptions, { standalone = false } = {}) {
  const { auth } = await serveAuth({ appName: 'Reports', home: '/start' });
  const app = express();
  app.all('/:code', (req, _res, next) => {
    next(new AuthError(req.params.code as AuthErrorCode, { retryAfterSeconds: 90 }));
  });
  app.use(standalone ? errorHandler(options) : auth.errorHandler(options));
  const { origin } = await serve(app);
  type Given = Parameters<HttpBrowser['open']>[1];
  return (path: string, given: Given = {}) =>
    createHttpBrowser().open(`${origin}${path}`, { from: origin, ...given });
}

const linksOf = (page: string) =>
  [...page.slice(page.indexOf('<main>')).matchAll(/href="([^"]*)"/g)].map(([, url]) =>
    url?.replaceAll('&#38;', '&'),
  );

describe('errorHandler({ html: true })', () => {
  it.each([
    {
      code: 'CREDENTIALS_MISSING',
      status: 401,
      words: 'Sign in to see this page.',
      first: '/api/auth/signin?again=1&returnTo=%2FCREDENTIALS_MISSING%3Fa%3D1',
    },
    {
      code: 'INSUFFICIENT_ROLE',
      status: 403,
      words: 'Your account may not do this.',
      first: '/api/auth/signin?again=1&returnTo=%2FINSUFFICIENT_ROLE%3Fa%3D1',
    },
    {
      code: 'PASSWORD_CHANGE_REQUIRED',
      status: 403,
      words: 'Choose a new password first.',
      first: '/api/auth/change-password?returnTo=%2FPASSWORD_CHANGE_REQUIRED%3Fa%3D1',
    },
    { code: 'NOT_FOUND', status: 404, words: 'There is nothing at this address.', first: '/start' },
    {
      code: 'STORE_UNAVAILABLE',
      status: 503,
      words: 'Try again in 90 seconds.',
      first: '/STORE_UNAVAILABLE?a=1',
    },
  ])('shows $code as a page with the next step', async ({ code, status, words, first }) => {
    const open = await world({ html: true });
    const { status: answered, headers, body } = await open(`/${code}?a=1`);
    expect(answered).toBe(status);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(headers['vary']).toBe('Accept, Sec-Fetch-Mode, Accept-Language');
    expect(body).toContain(words);
    expect(linksOf(body)[0]).toBe(first);
    expect(linksOf(body).at(-1)).toBe('/start');
  });

  it('keeps the headers of the refusal', async () => {
    const open = await world({ html: true });
    expect((await open('/RATE_LIMITED')).headers['retry-after']).toBe('90');
    const { headers } = await open('/INVALID_TOKEN');
    expect(headers['www-authenticate']).toContain('invalid_token');
  });

  it('offers no way that repeats a form', async () => {
    const open = await world({ html: true });
    const { status, body } = await open('/STORE_UNAVAILABLE', { form: {} });
    expect(status).toBe(503);
    expect(linksOf(body)).toEqual(['/start']);
  });

  it.each([
    { title: 'a script', headers: { accept: 'text/html', 'sec-fetch-mode': 'cors' } },
    {
      title: 'a client that is no browser',
      headers: { accept: '*/*', 'sec-fetch-mode': 'no-cors' },
    },
  ])('answers $title in the format', async ({ headers }) => {
    const open = await world({ html: true, format: 'flat' });
    const { status, body } = await open('/INSUFFICIENT_ROLE', { headers });
    expect(status).toBe(403);
    expect(JSON.parse(body)).toMatchObject({ error: 'Forbidden' });
  });

  it('speaks the language of the browser', async () => {
    const open = await world({ html: true });
    const { headers, body } = await open('/NOT_FOUND', {
      headers: { 'accept-language': 'de-DE,de;q=0.9' },
    });
    expect(headers['content-language']).toBe('de');
    expect(body).toMatch(/<html lang="de" dir="ltr">[\s\S]*Weiter zu Reports/);
  });

  it.each([{ html: true as const }, { html: { name: 'Mine' } }])(
    'works alone, and then knows no sign-in page: $html',
    async (options) => {
      const open = await world(options, { standalone: true });
      const { status, body } = await open('/CREDENTIALS_MISSING');
      expect(status).toBe(401);
      expect(linksOf(body)).toEqual(['/']);
    },
  );

  describe('leads to no page that the application does not have', () => {
    async function linksOn(
      path: string,
      { options, hasRouter }: { options: AuthOptions; hasRouter: boolean },
    ) {
      const auth = createAuth(options);
      onTestFinished(() => auth.close());
      const app = express();
      if (hasRouter) app.use('/api/auth', auth.router());
      app.get('/:code', (req, _res, next) => {
        next(new AuthError(req.params.code as AuthErrorCode));
      });
      app.use(auth.errorHandler({ html: true }));
      const { origin } = await serve(app);
      const { body } = await createHttpBrowser().open(`${origin}${path}`, { from: origin });
      return linksOf(body);
    }

    const signing = { ...BASE, publicUrl: 'http://localhost:3000' };
    const keys = { secret: SECRET };
    const trustedIssuers = [{ issuer: 'https://issuer.test', audience: 'api', keys }];
    const verifying = { env: {}, trustedIssuers };
    const withProvider = { oidc: { work: { issuer: 'https://work.test', clientId: 'app' } } };

    it.each([
      { title: 'that only verifies tokens', options: verifying, hasRouter: false },
      { title: 'without router', options: signing, hasRouter: false },
      {
        title: 'without any way to sign in',
        options: { ...signing, passwordLogin: false },
        hasRouter: true,
      },
    ])('one $title', async (given) => {
      expect(await linksOn('/CREDENTIALS_MISSING', given)).toEqual(['/']);
      expect(await linksOn('/PASSWORD_CHANGE_REQUIRED', given)).toEqual(['/']);
    });

    it('one that signs in at providers alone', async () => {
      const options = { ...signing, ...withProvider, passwordLogin: false };
      const given = { options, hasRouter: true };
      expect(await linksOn('/PASSWORD_CHANGE_REQUIRED', given)).toEqual(['/']);
      const [first] = await linksOn('/CREDENTIALS_MISSING', given);
      expect(first).toMatch(/^\/api\/auth\/signin\?/);
    });

    it('but to a router elsewhere whose path it names', async () => {
      const options = { ...verifying, basePath: '/accounts' };
      const [first] = await linksOn('/CREDENTIALS_MISSING', { options, hasRouter: false });
      expect(first).toMatch(/^\/accounts\/signin\?/);
    });
  });

  it('is off unless asked for', async () => {
    const open = await world({});
    const { headers } = await open('/NOT_FOUND');
    expect(headers['content-type']).toBe('application/problem+json');
  });
});
