import express, { type Express } from 'express';
import { type Auth, type AuthOptions, createAuth } from 'latchkey';
import { createApi, scopesOf } from './api.js';
import type { DataFolder } from './data-folder.js';
import { createLocalProvider } from './login-provider.js';
import { mailFolder } from './mail-folder.js';

/** Joins the application, which browsers open at `origin`, and two providers to sign in with. */
export async function createQuickstart(
  origin: string,
  { secret, storeUrl, mails }: Pick<DataFolder, 'secret' | 'storeUrl' | 'mails'>,
  options: AuthOptions = {},
): Promise<{ readonly app: Express; readonly auth: Auth }> {
  const corp = await createLocalProvider('corp', 'Example Corp', origin);
  const partner = await createLocalProvider('partner', 'Partner Ltd', origin);
  const auth = createAuth({
    // Only what stands here counts. An application leaves `env` out and is configured by AUTH_* variables.
    env: {},
    publicUrl: origin,
    appName: 'Quickstart',
    jwt: { secret },
    store: { url: storeUrl },
    oidc: { corp: corp.settings, partner: partner.settings },
    // So that pages need no token.
    cookieSessions: true,
    // Other applications on this machine have the same host.
    cookieName: 'quickstart',
    tokenScopes: scopesOf,
    // Keys for programs, which Alice and Bob make on their account pages.
    acceptApiKeys: true,
    // Pasted lines come faster than people do.
    rateLimit: { max: 50, windowSeconds: 1 },
    ...options,
  });
  const app = express();
  app.use('/corp', corp.handle);
  app.use('/partner', partner.handle);
  app.use(createApi(auth, mailFolder(mails)));
  return { app, auth };
}
