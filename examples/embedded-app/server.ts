import { createAuth } from 'latchkey';
import { runExample } from '../run-example.js';
import { createApp } from './app.js';
import { startPlatform } from './demo/start-platform.js';

runExample(async (origin) => {
  // With AUTH_JWKS_URL there is a platform already: see the README. Else one is started here.
  if (!process.env.AUTH_JWKS_URL && process.env.NODE_ENV === 'production')
    throw new Error('set AUTH_JWKS_URL: the platform in its place is for development.');
  const demo = process.env.AUTH_JWKS_URL ? undefined : await startPlatform(origin);
  const auth = createAuth(demo && { jwt: demo.jwt });
  const platformOrigin = demo?.platformOrigin ?? readUrl('PLATFORM_ORIGIN');
  const apiUrl = demo?.apiUrl ?? readUrl('PLATFORM_API_URL');
  const app = createApp(auth, {
    platformOrigin,
    apiUrl,
    allowedOrigins: [new URL(apiUrl).origin],
  });
  const instructions = demo
    ? `Open ${platformOrigin}/ in a browser: the platform, with the app in a frame.

- Order 1002 waits: ada may ship it, grace may not.
- Let the platform refuse, or be silent, and reload the page: the app says why it can't go on.
- ${origin}/ is the app by itself, which has no token then.
`
    : `The app is on ${origin}/, for the platform on ${platformOrigin}.`;
  async function close(): Promise<void> {
    demo?.close();
    await auth.close();
  }
  return { app, instructions, close };
});

function readUrl(name: 'PLATFORM_ORIGIN' | 'PLATFORM_API_URL'): string {
  const url = process.env[name] ?? '';
  if (URL.canParse(url)) return url;
  throw new Error(`with AUTH_JWKS_URL, set ${name} as well: a whole URL of your platform.`);
}
