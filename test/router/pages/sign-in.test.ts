import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { AuthOptions } from 'latchkey';
import { en } from '../../../lib/pages/texts/en.js';
import { addUser, PASSWORD } from '../../world/auth-server.js';
import { createHttpBrowser } from '../../world/http-browser.js';
import { reservePort, serveLoginApp } from '../../world/login-app.js';

async function world(options: AuthOptions = {}) {
  const port = await reservePort();
  const app = serveLoginApp(port, options);
  await addUser(app);
  const url = `${app.origin}/api/auth/signin`;
  return { ...app, url, browser: createHttpBrowser() };
}

/** As a form on a page of ours sends it. */
const FORM = {
  'content-type': 'application/x-www-form-urlencoded',
  'sec-fetch-site': 'same-origin',
};

function submit(url: string, fields: Record<string, string>, headers: Record<string, string>) {
  return fetch(url, {
    method: 'POST',
    redirect: 'manual',
    headers,
    body: new URLSearchParams(fields).toString(),
  });
}

describe('the sign-in page', () => {
  it('runs no script, loads nothing, and is in nobody’s frame or cache', async () => {
    const { url } = await world();
    const response = await fetch(url);
    const page = await response.text();
    const policy = response.headers.get('content-security-policy') ?? '';
    const style = /<style>(.*?)<\/style>/s.exec(page)?.[1] ?? '';
    const digest = createHash('sha256').update(style).digest('base64');
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `style-src 'sha256-${digest}'`,
      'img-src data:',
      "base-uri 'none'",
      "frame-ancestors 'none'",
    ]);
    expect(page).not.toMatch(/<script|\son\w+=|javascript:/i);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-frame-options')).toBe('DENY');
  });

  it('shows what it was given as text', async () => {
    const { url } = await world({
      oidc: { corp: { issuer: 'https://id.example', clientId: 'x', label: '<b onclick="x">' } },
    });
    const evil = '"><img src=x onerror=alert(1)>';
    const response = await submit(url, { username: evil, password: 'x', returnTo: evil }, FORM);
    const page = await response.text();
    expect(response.status).toBe(401);
    expect(page).not.toMatch(/<img|<b /);
    expect(page).toContain('&#34;&#62;&#60;img src=x onerror=alert(1)&#62;');
    expect(page).toContain('name="returnTo" value="/"');
  });

  it('signs in with a cookie that scripts cannot read, and goes on', async () => {
    const { url, browser, auth } = await world();
    const page = await browser.open(`${url}?returnTo=%2Finside%3Fa%3D1`);
    const after = await browser.submit(page, { username: ' ALICE ', password: PASSWORD });
    expect(new URL(after.url).pathname).toBe('/inside');
    expect(after.visited).toHaveLength(2);
    expect(browser.cookies('localhost').get('latchkey-session')).toMatch(/^r1\./);
    const again = await browser.open(`${url}?returnTo=/inside`);
    expect(new URL(again.url).pathname).toBe('/inside');
    const stays = await browser.open(`${url}?returnTo=/inside&again=1`);
    expect(stays.url).toContain('/signin');
    const user = await auth.users.findByLogin('alice');
    expect(await auth.sessions.list(user?.id ?? '')).toHaveLength(1);
  });

  it('sets cookies for https only where users come by https', async () => {
    const { url, origin } = await world({ publicUrl: 'https://app.example' });
    const response = await submit(url, { username: 'alice', password: PASSWORD }, FORM);
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe('/');
    for (const cookie of response.headers.getSetCookie())
      expect(cookie).toMatch(/^__Host-latchkey-.*; Path=\/; HttpOnly; SameSite=Lax; Secure$/);
    expect(origin).toContain('localhost');
  });

  it.each([
    { title: 'an unknown user', username: 'nobody', password: PASSWORD },
    { title: 'a wrong password', username: 'alice', password: 'not-this-one' },
    { title: 'a name that cannot be', username: 'a b\u0000c', password: PASSWORD },
    { title: 'no password', username: 'alice', password: '' },
    { title: 'a password that is too long', username: 'alice', password: 'x'.repeat(300) },
  ])('shows the same words to $title', async ({ username, password }) => {
    const { url, events } = await world();
    const response = await submit(url, { username, password }, FORM);
    expect(response.status).toBe(401);
    expect(response.headers.getSetCookie().join()).not.toContain('session=r1');
    const page = await response.text();
    expect(page).toMatch(/role="alert"[^>]*>The user name or the password is wrong\.</);
    expect(page).not.toContain(password === '' ? 'no such text' : password);
    expect(events.filter(({ name }) => name === 'login.succeeded')).toEqual([]);
  });

  it.each([
    { title: 'another site', headers: { 'sec-fetch-site': 'cross-site' } },
    { title: 'a sub-domain', headers: { 'sec-fetch-site': 'same-site' } },
    { title: 'nowhere', headers: { 'sec-fetch-site': 'none' } },
    { title: 'another origin', headers: { origin: 'https://evil.example' } },
    {
      title: 'a listed origin, which is no page of ours',
      headers: { origin: 'https://spa.example' },
    },
    { title: 'a sandboxed frame', headers: { origin: 'null' } },
    { title: 'who does not say', headers: {} },
  ])('L10 takes no form from $title', async ({ headers }) => {
    const { url } = await world({ corsOrigins: ['https://spa.example'] });
    const { 'content-type': type } = FORM;
    const given: Record<string, string> = { 'content-type': type };
    for (const [name, value] of Object.entries(headers)) given[name] = value;
    const response = await submit(url, { username: 'alice', password: PASSWORD }, given);
    expect(response.status).toBe(403);
    expect(response.headers.getSetCookie()).toEqual([]);
  });

  it('takes a form by an old browser that names this origin', async () => {
    const { url, origin } = await world();
    const headers = { 'content-type': FORM['content-type'], origin };
    const response = await submit(url, { username: 'alice', password: PASSWORD }, headers);
    expect(response.status).toBe(303);
  });

  it('takes forms only', async () => {
    const { url } = await world();
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
      body: JSON.stringify({ username: 'alice', password: PASSWORD }),
    });
    expect(response.status).toBe(415);
  });

  it('counts attempts together with those of the API', async () => {
    const { url, origin } = await world({ loginLimit: { max: 4, windowSeconds: 60 } });
    const wrong = { username: 'alice', password: 'wrong' };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      expect((await submit(url, wrong, FORM)).status).toBe(401);
      const byApi = await fetch(`${origin}/api/auth/login`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(wrong),
      });
      expect(byApi.status).toBe(401);
    }
    const limited = await submit(url, { username: 'alice', password: PASSWORD }, FORM);
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await limited.text()).toContain('role="alert"');
  });

  it('says so when the store is down, and signs nobody in or out', async () => {
    const { url, auth } = await world();
    const { users } = auth.store;
    const port = await reservePort();
    const broken = serveLoginApp(port, {
      store: {
        ...auth.store,
        users: { ...users, findByLogin: () => Promise.reject(new Error('down')) },
      },
    });
    const target = `${broken.origin}/api/auth/signin`;
    const response = await submit(target, { username: 'alice', password: PASSWORD }, FORM);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('2');
    expect(response.headers.getSetCookie()).toEqual([]);
    expect((await submit(url, { username: 'alice', password: PASSWORD }, FORM)).status).toBe(303);
  });
});

describe('the page for a provider that is down', () => {
  const down = (label: string) => ({ issuer: 'http://127.0.0.1:1', clientId: 'x', label });
  const saying = (key: 'error.PROVIDER_ERROR' | 'error.PROVIDER_ERROR.only'): string =>
    en[key].replace('{provider}', 'Corp');

  it.each([
    { title: 'one provider', path: 'login/corp', only: true, options: { passwordLogin: false } },
    {
      title: 'one provider, not named',
      path: 'login',
      only: true,
      options: { passwordLogin: false },
    },
    { title: 'passwords', path: 'login/corp', only: false, options: {} },
    {
      title: 'two providers',
      path: 'login/corp',
      only: false,
      options: { passwordLogin: false, oidc: { corp: down('Corp'), other: down('Other') } },
    },
  ])('names another way only where there is one: $title', async ({ path, only, options }) => {
    const { origin, auth } = serveLoginApp(await reservePort(), {
      oidc: { corp: down('Corp') },
      ...options,
    });
    onTestFinished(() => auth.close());
    const page = await createHttpBrowser().open(`${origin}/api/auth/${path}`);
    expect(page.status).toBe(502);
    expect(page.body.includes(saying('error.PROVIDER_ERROR.only'))).toBe(only);
    expect(page.body.includes(saying('error.PROVIDER_ERROR'))).toBe(!only);
  });
});
