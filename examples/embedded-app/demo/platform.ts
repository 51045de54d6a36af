import path from 'node:path';
import express, { type Express } from 'express';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

export interface Platform {
  readonly app: Express;
  /** The settings of those who accept its tokens. */
  readonly jwt: { readonly issuer: string; readonly jwksUrl: string };
}

export interface PlatformOptions {
  /** Whom its tokens are for. */
  readonly audiences: readonly string[];
  /** Where the embedded app is: what stands in the frame, and who gets tokens from the page. */
  readonly appOrigin: string;
  /** In milliseconds. @defaultValue the system's time */
  readonly now?: () => number;
}

const TOKEN_SECONDS = 3600;

/** Stands for the site that embeds the app, at `origin`: its page, its keys, and hourly tokens for its users. */
export async function createPlatform(
  origin: string,
  { audiences, appOrigin, now = Date.now }: PlatformOptions,
): Promise<Platform> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const key = { ...(await exportJWK(publicKey)), kid: 'platform-1', use: 'sig', alg: 'ES256' };
  const app = express();
  app.get('/jwks.json', (_req, res) => void res.json({ keys: [key] }));
  app.get('/', (_req, res) => void res.type('html').send(page(appOrigin)));
  app.use('/assets', express.static(path.join(import.meta.dirname, 'public')));

  // A platform knows its user by a log-in. This one believes its own page, which sets no cookie.
  app.get('/token', async (req, res) => {
    const username = req.query['user'] === 'grace' ? 'grace' : 'ada';
    const issuedAt = Math.floor(now() / 1000);
    const token = await new SignJWT({
      preferred_username: username,
      scope: username === 'ada' ? 'orders:read orders:ship' : 'orders:read',
    })
      .setProtectedHeader({ alg: 'ES256', kid: key.kid, typ: 'JWT' })
      .setIssuer(origin)
      .setSubject(`user-${username}`)
      .setAudience([...audiences])
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + TOKEN_SECONDS)
      .sign(privateKey);
    res.type('text').set('Cache-Control', 'no-store').send(token);
  });
  return { app, jwt: { issuer: origin, jwksUrl: `${origin}/jwks.json` } };
}

function page(appOrigin: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/platform.css">
<title>Example Platform</title>
<header>
  <h1>Example Platform</h1>
  <label>User <select id="user"><option value="ada">ada, who may ship</option><option value="grace">grace, who may look</option></select></label>
  <label>Asked for a token, the platform <select id="answer"><option value="token">gives one</option><option value="refusal">refuses</option><option value="nothing">is silent</option></select></label>
</header>
<main>
  <iframe id="app" title="Shipping, an embedded app" src="${appOrigin}/"></iframe>
</main>
<script src="/assets/platform.js"></script>
</html>
`;
}
