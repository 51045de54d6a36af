import { randomBytes } from 'node:crypto';
import { type OpenidReplay, startOpenidReplay } from './openid-replay.js';
import type { WayBack } from './social-login.js';

/** Google's OpenID endpoints in their documented shapes. */
export interface GoogleServer extends OpenidReplay {
  readonly clientSecret: string;
  /** Further parameters of the callback. A test may put others in their place. */
  callback: Readonly<Record<string, string>>;
  authorize(authorizationUrl: string): WayBack;
}

const CLIENT_ID = '1234567890-abcdef.apps.googleusercontent.com';
const CLIENT_SECRET = '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back';

const SCOPES =
  'openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile';

/** https://accounts.google.com/.well-known/openid-configuration */
const METADATA = {
  issuer: 'https://accounts.google.com',
  authorization_endpoint: 'https://accounts.google.com/o/oauth2/v2/auth',
  device_authorization_endpoint: 'https://oauth2.googleapis.com/device/code',
  token_endpoint: 'https://oauth2.googleapis.com/token',
  userinfo_endpoint: 'https://openidconnect.googleapis.com/v1/userinfo',
  revocation_endpoint: 'https://oauth2.googleapis.com/revoke',
  jwks_uri: 'https://www.googleapis.com/oauth2/v3/certs',
  response_types_supported: ['code', 'token', 'id_token', 'code token', 'code id_token', 'none'],
  response_modes_supported: ['query', 'fragment', 'form_post'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  scopes_supported: ['openid', 'email', 'profile'],
  token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
  code_challenge_methods_supported: ['plain', 'S256'],
  authorization_response_iss_parameter_supported: true,
} as const;

/** Starts a server that runs until the test that asked for it has finished. */
export async function startGoogleServer(): Promise<GoogleServer> {
  const replay = await startOpenidReplay({
    clientId: CLIENT_ID,
    metadata: METADATA,
    codePrefix: '4/0A',
    isClient: (form) => form.get('client_secret') === CLIENT_SECRET,
    tokenAnswer: ({ type, authorization: { parameters } }) => ({
      access_token: `ya29.${randomBytes(40).toString('base64url')}`,
      expires_in: 3599,
      scope: SCOPES,
      token_type: 'Bearer',
      // With consent only; it stays the same afterwards.
      ...(type === 'authorization_code' &&
        parameters.get('access_type') === 'offline' &&
        parameters.get('prompt') === 'consent' && {
          refresh_token: `1//${randomBytes(40).toString('base64url')}`,
        }),
    }),
    claims: {
      azp: CLIENT_ID,
      sub: '110169484474386276334',
      hd: 'allowed.com',
      email: 'ada@allowed.com',
      email_verified: true,
      name: 'Ada Lovelace',
      given_name: 'Ada',
      family_name: 'Lovelace',
      picture: 'https://lh3.googleusercontent.com/a/photo=s96-c',
    },
    idTokenSeconds: 3600,
  });
  const server: GoogleServer = Object.assign(replay, {
    clientSecret: CLIENT_SECRET,
    callback: {
      iss: METADATA.issuer,
      scope: `email profile ${SCOPES}`,
      authuser: '0',
      hd: 'allowed.com',
      prompt: 'none',
    },
    authorize(url: string): WayBack {
      const { redirectUri, state = '', code } = replay.agree(url);
      const answer = new URLSearchParams({ state, code, ...server.callback });
      return { url: `${redirectUri}?${answer.toString()}` };
    },
  });
  return server;
}
