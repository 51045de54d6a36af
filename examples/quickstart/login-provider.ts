import { randomBytes } from 'node:crypto';
import express, { type Router } from 'express';
import { exportJWK, generateKeyPair } from 'jose';
import { providerPages } from './provider-pages.js';

export interface LocalProvider {
  /** For `createAuth({ oidc })`. */
  readonly settings: { issuer: string; clientId: string; clientSecret: string; label: string };
  /** Mounted at `/<name>`. */
  readonly handle: Router;
}

/**
 * Stands for a company's OpenID provider, below `origin`: a real one, where everybody is let in under any name. An application has
 * AUTH_OIDC_ISSUER, AUTH_OIDC_CLIENT_ID and AUTH_OIDC_CLIENT_SECRET in its place.
 */
export async function createLocalProvider(
  name: string,
  label: string,
  origin: string,
): Promise<LocalProvider> {
  const issuer = `${origin}/${name}`;
  const clientId = 'quickstart';
  const clientSecret = randomBytes(24).toString('base64url');
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'local', use: 'sig', alg: 'ES256' };
  const pages = providerPages(label, `/${name}`);
  const Provider = await quietly(async () => (await import('oidc-provider')).Provider);
  const provider = await quietly(async () => {
    const configuration = {
      jwks: { keys: [key] },
      cookies: { keys: [randomBytes(24).toString('base64url')], names: cookieNames(name) },
      clients: [
        {
          client_id: clientId,
          client_secret: clientSecret,
          // Under its own name, or as the only provider.
          redirect_uris: [`${origin}/api/auth/callback/${name}`, `${origin}/api/auth/callback`],
          post_logout_redirect_uris: [`${origin}/`],
          id_token_signed_response_alg: 'ES256',
        },
      ],
      claims: {
        openid: ['sub'],
        email: ['email', 'email_verified'],
        profile: ['preferred_username'],
      },
      findAccount: (_context: unknown, sub: string) => ({
        accountId: sub,
        claims: () => ({
          sub,
          email: `${sub}@${name}.example.com`,
          email_verified: true,
          preferred_username: sub,
        }),
      }),
      interactions: { url: (_context: unknown, { uid }: { uid: string }) => pages.pathOf(uid) },
      features: { devInteractions: { enabled: false }, rpInitiatedLogout: pages.signOut },
      renderError: pages.renderError,
      ttl: { Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 600, IdToken: 600 },
    };
    return new Provider(issuer, configuration);
  });
  return {
    settings: { issuer, clientId, clientSecret, label },
    handle: express.Router().use(pages.routes(provider)).use(provider.callback()),
  };
}

/** Two providers of one host need cookies of their own. */
function cookieNames(name: string): Record<'session' | 'interaction' | 'resume', string> {
  return { session: `${name}_session`, interaction: `${name}_step`, resume: `${name}_resume` };
}

/** Its warnings are for providers that somebody depends on. */
async function quietly<Made>(make: () => Promise<Made>): Promise<Made> {
  const { warn } = console;
  console.warn = () => undefined;
  try {
    return await make();
  } finally {
    console.warn = warn;
  }
}
