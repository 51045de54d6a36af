import { randomBytes } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';

export interface LocalProvider {
  /** For `createAuth({ oidc })`. */
  readonly settings: { issuer: string; clientId: string; clientSecret: string; label: string };
  readonly handle: RequestListener;
}

/**
 * Stands for your company's OpenID provider: a real one, where everybody is let in under any name. An application has
 * AUTH_OIDC_ISSUER, AUTH_OIDC_CLIENT_ID and AUTH_OIDC_CLIENT_SECRET in its place.
 */
export async function createLocalProvider(issuer: string, origin: string): Promise<LocalProvider> {
  const clientId = 'quickstart';
  const clientSecret = randomBytes(24).toString('base64url');
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'local', use: 'sig', alg: 'ES256' };
  const Provider = await quietly(async () => (await import('oidc-provider')).Provider);
  const provider = await quietly(async () => {
    const configuration = {
      jwks: { keys: [key] },
      cookies: { keys: [randomBytes(24).toString('base64url')] },
      clients: [
        {
          client_id: clientId,
          client_secret: clientSecret,
          redirect_uris: [`${origin}/api/auth/callback`],
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
          email: `${sub}@idp.example.com`,
          email_verified: true,
          preferred_username: sub,
        }),
      }),
      features: { rpInitiatedLogout: { logoutSource: askToSignOut } },
      ttl: { Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 600, IdToken: 600 },
    };
    return new Provider(issuer, configuration);
  });
  return {
    settings: { issuer, clientId, clientSecret, label: 'the local provider' },
    handle: provider.callback(),
  };
}

/** The provider's own question. Its form posts to the provider, with what it needs inside. */
function askToSignOut(context: { body: string }, form: string): void {
  context.body = `<!doctype html>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Local provider</title>
<h1>Sign out of the local provider, too?</h1>
${form}
<button autofocus type="submit" form="op.logoutForm" value="yes" name="logout">Yes</button>
<button type="submit" form="op.logoutForm">No</button>`;
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
