import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { createAuth, errorHandler, type PagesOptions } from 'latchkey';
import { BASE, serveAuth } from '../world/auth-server.js';

async function signInPageOf(pages: PagesOptions) {
  const { get } = await serveAuth({ publicUrl: 'https://app.example/below', pages });
  const response = await get('/api/auth/signin');
  const policy = (response.headers.get('content-security-policy') ?? '').split('; ');
  const sourcesOf = (name: string) =>
    policy
      .find((rule) => rule.startsWith(name))
      ?.split(' ')
      .slice(1);
  return {
    html: await response.text(),
    styles: sourcesOf('style-src')?.slice(1),
    pictures: sourcesOf('img-src'),
  };
}

it.each([
  {
    title: 'a style sheet and a logo by path, and no other file',
    pages: { css: '/theme/auth.css?v=2', logo: '/logo.svg' },
    styles: ['https://app.example/below/theme/auth.css'],
    pictures: ['data:', 'https://app.example/below/logo.svg'],
    html: [
      '<link rel="stylesheet" href="/below/theme/auth.css?v=2" />',
      '<img src="/below/logo.svg" alt="" />',
    ],
  },
  {
    title: 'a style sheet as text, and no other',
    pages: { css: ':root { --act: #0a6c3c }', logo: 'data:image/png;base64,AAAA' },
    styles: [
      `'sha256-${createHash('sha256').update(':root { --act: #0a6c3c }').digest('base64')}'`,
    ],
    pictures: ['data:'],
    html: [
      '<style>:root { --act: #0a6c3c }</style>',
      '<img src="data:image/png;base64,AAAA" alt="" />',
    ],
  },
])('the policy of the pages allows $title', async ({ pages, ...expected }) => {
  const page = await signInPageOf(pages);
  expect(page).toMatchObject({ styles: expected.styles, pictures: expected.pictures });
  for (const part of expected.html) expect(page.html).toContain(part);
});

it('the pages name the application: by option, by setting, else by its host', async () => {
  const titleOf = async (options: Parameters<typeof serveAuth>[0]) => {
    const { get } = await serveAuth({ publicUrl: 'https://app.example', ...options });
    return /<title>(.*)<\/title>/.exec(await (await get('/api/auth/signin')).text())?.[1];
  };
  expect(await titleOf({ appName: 'Set', pages: { name: 'R & D' } })).toBe('Sign in · R &#38; D');
  expect(await titleOf({ appName: 'Set' })).toBe('Sign in · Set');
  expect(await titleOf({})).toBe('Sign in · app.example');
});

it.each([
  { title: 'a misspelt option', pages: { colour: 'red' } },
  { title: 'a style sheet of another site', pages: { css: 'https://cdn.example/a.css' } },
  {
    title: 'a style sheet of another site without its scheme',
    pages: { css: '//cdn.example/a.css' },
  },
  { title: 'a style text that would end its element', pages: { css: 'a {} </STYLE><b>' } },
  { title: 'a logo of another site', pages: { logo: 'https://cdn.example/a.png' } },
  { title: 'a logo that is a page', pages: { logo: 'data:text/html,<b>' } },
  { title: 'a name without letters', pages: { name: ' ' } },
])('$title is a TypeError when the application starts', ({ pages }) => {
  expect(() => createAuth({ ...BASE, publicUrl: 'https://app.example', pages })).toThrow(TypeError);
  expect(() => errorHandler({ html: pages as PagesOptions })).toThrow(TypeError);
});
