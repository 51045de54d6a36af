import { randomBytes } from 'node:crypto';
import { jwtVerify } from 'jose';
import { keyPair } from './key-pairs.js';
import { type OpenidReplay, startOpenidReplay } from './openid-replay.js';
import type { WayBack } from './social-login.js';

/** Sign in with Apple in its documented shapes. */
export interface AppleServer extends OpenidReplay {
  readonly teamId: string;
  readonly keyId: string;
  /** The key that Apple lets one download, once: PKCS #8. */
  readonly privateKey: string;
  /** Form and address of a user who agrees. `user` comes with the first one only. */
  authorize(authorizationUrl: string): WayBack;
  /** The same of one who cancels. */
  cancel(authorizationUrl: string): WayBack;
  /** Sent as `user` at the first sign-in. A test may put any text in its place. */
  firstUser: string;
  /** Client secrets that were sent so far. */
  readonly clientSecrets: readonly string[];
}

const CLIENT_ID = 'com.example.reports.web';
const TEAM_ID = 'DEF123GHIJ';
const KEY_ID = 'ABC123DEFG';
/** Seconds; six months. */
const LONGEST_SECRET = 15_777_000;

/** https://appleid.apple.com/.well-known/openid-configuration */
const METADATA = {
  issuer: 'https://appleid.apple.com',
  authorization_endpoint: 'https://appleid.apple.com/auth/authorize',
  token_endpoint: 'https://appleid.apple.com/auth/token',
  revocation_endpoint: 'https://appleid.apple.com/auth/revoke',
  jwks_uri: 'https://appleid.apple.com/auth/keys',
  response_types_supported: ['code'],
  response_modes_supported: ['query', 'fragment', 'form_post'],
  subject_types_supported: ['pairwise'],
  id_token_signing_alg_values_supported: ['RS256'],
  scopes_supported: ['openid', 'email', 'name'],
  token_endpoint_auth_methods_supported: ['client_secret_post'],
  claims_supported: [
    'aud',
    'email',
    'email_verified',
    'exp',
    'iat',
    'is_private_email',
    'iss',
    'nonce',
    'nonce_supported',
    'real_user_status',
    'sub',
    'transfer_sub',
  ],
} as const;

/** All that Apple documents for its authorization endpoint, and PKCE, which its token endpoint holds one to. */
const PARAMETERS = [
  'client_id',
  'code_challenge',
  'code_challenge_method',
  'nonce',
  'redirect_uri',
  'response_mode',
  'response_type',
  'scope',
  'state',
] as const;

/** Starts a server that runs until the test that asked for it has finished. */
export async function startAppleServer(): Promise<AppleServer> {
  const { publicKey, privateKey } = keyPair('P-256', KEY_ID);
  const clientSecrets: string[] = [];

  async function isClient(form: URLSearchParams): Promise<boolean> {
    const secret = form.get('client_secret') ?? '';
    clientSecrets.push(secret);
    try {
      const { payload, protectedHeader } = await jwtVerify(secret, publicKey, {
        algorithms: ['ES256'],
        issuer: TEAM_ID,
        subject: CLIENT_ID,
        audience: METADATA.issuer,
        requiredClaims: ['exp', 'iat'],
      });
      const { exp = 0, iat = 0 } = payload;
      return protectedHeader.kid === KEY_ID && exp - iat <= LONGEST_SECRET;
    } catch {
      return false;
    }
  }

  const replay = await startOpenidReplay({
    clientId: CLIENT_ID,
    metadata: METADATA,
    codePrefix: 'c',
    isClient,
    tokenAnswer: ({ type }) => ({
      access_token: `a${randomBytes(16).toString('hex')}.0.mrqxv`,
      token_type: 'Bearer',
      expires_in: 3600,
      ...(type === 'authorization_code' && {
        refresh_token: `r${randomBytes(16).toString('hex')}.0.mrqxv`,
      }),
    }),
    claims: {
      sub: '000544.5e201aec537347aeb79d23cbc345170a.1321',
      email: 'dpdcnf87nu@privaterelay.appleid.com',
      email_verified: 'true',
      is_private_email: 'true',
      auth_time: Math.floor(Date.now() / 1000),
      nonce_supported: true,
      real_user_status: 2,
    },
    idTokenSeconds: 86_400,
  });

  let isKnown = false;
  const server: AppleServer = Object.assign(replay, {
    teamId: TEAM_ID,
    keyId: KEY_ID,
    privateKey: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
    firstUser: JSON.stringify({
      name: { firstName: 'Johnny', lastName: 'Appleseed' },
      email: 'dpdcnf87nu@privaterelay.appleid.com',
    }),
    clientSecrets,
    authorize(url: string): WayBack {
      const { redirectUri, state = '', code, parameters } = replay.agree(url);
      judge(parameters);
      const user = isKnown ? {} : { user: server.firstUser };
      isKnown = true;
      return { url: redirectUri, form: { state, code, ...user } };
    },
    cancel(url: string): WayBack {
      const { redirectUri, state = '' } = replay.agree(url);
      return { url: redirectUri, form: { state, error: 'user_cancelled_authorize' } };
    },
  });
  return server;
}

/** Throws where Apple shows an error page. */
function judge(parameters: URLSearchParams): void {
  const names: readonly string[] = PARAMETERS;
  for (const name of parameters.keys())
    if (!names.includes(name)) throw new Error(`invalid_request: ${name}`);
  const asksForMore = /\b(?:name|email)\b/.test(parameters.get('scope') ?? '');
  if (asksForMore && parameters.get('response_mode') !== 'form_post')
    throw new Error('invalid_request: response_mode must be form_post');
}
