import type { Misdeed } from './hostile-provider.js';

type Json = Readonly<Record<string, unknown>>;

/** What an identity provider sends, as its documentation has it; where that stands is said in `lib/providers/habits/`. */
export interface DocumentedProvider {
  readonly issuer: string;
  readonly endpoints: {
    readonly authorization: string;
    readonly token: string;
    readonly keys: string;
    readonly userinfo: string;
    readonly logout?: string;
  };
  /** Of its metadata, beside the endpoints. */
  readonly metadata?: Json;
  /** Of the callback, beside `code` and `state`. */
  readonly callback: NonNullable<Misdeed['callback']>;
  /** Beside `aud`, `iat`, `exp` and `nonce`. */
  readonly idToken: Json & { readonly sub: string };
  readonly userinfo: Json;
  /** Header and claims of its logout tokens beside `aud`, `iat`, `jti` and `events`; undefined where it sends none. */
  readonly logoutToken?: { readonly header: Json; readonly claims: Json };
}

/** A random id that a provider made up, always the same. */
const ID = '2a88c258-f73a-4103-b862-e1fbd8f4e04e';
const TENANT = '72f988bf-86f1-41af-91ab-2d7cd011db47';
/** As the provider knows us. */
const CLIENT = 'hostile-client';

const KEYCLOAK = 'https://id.thing.example/realms/staff';
const OKTA = 'https://thing.okta.com/oauth2/default';
const ENTRA = `https://login.microsoftonline.com/${TENANT}`;
const AUTH0 = 'https://thing.eu.auth0.com/';
const COGNITO = 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab12Cd34E';
const COGNITO_LOGIN = 'https://thing.auth.eu-west-1.amazoncognito.com';

export const documentedProviders = {
  keycloak: {
    issuer: KEYCLOAK,
    endpoints: {
      authorization: `${KEYCLOAK}/protocol/openid-connect/auth`,
      token: `${KEYCLOAK}/protocol/openid-connect/token`,
      keys: `${KEYCLOAK}/protocol/openid-connect/certs`,
      userinfo: `${KEYCLOAK}/protocol/openid-connect/userinfo`,
      logout: `${KEYCLOAK}/protocol/openid-connect/logout`,
    },
    metadata: {
      authorization_response_iss_parameter_supported: true,
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    },
    callback: { session_state: ID, iss: KEYCLOAK },
    idToken: {
      jti: '5f5c0b3a-7d1c-4d0a-9c05-0f2f4c5b8f0e',
      sub: '36fa0f91-f94d-4a0c-afed-6b7d952e47da',
      typ: 'ID',
      azp: CLIENT,
      sid: ID,
      acr: '1',
      email_verified: true,
      name: 'Sam Thing',
      preferred_username: 'sam',
      given_name: 'Sam',
      family_name: 'Thing',
      email: 'sam@thing.example',
    },
    userinfo: {},
    logoutToken: {
      header: { typ: 'logout+jwt' },
      claims: {
        sid: ID,
        typ: 'Logout',
        events: {
          'http://schemas.openid.net/event/backchannel-logout': {},
          'https://www.keycloak.org/revoke-offline-access': true,
        },
      },
    },
  },
  okta: {
    issuer: OKTA,
    endpoints: {
      authorization: `${OKTA}/v1/authorize`,
      token: `${OKTA}/v1/token`,
      keys: `${OKTA}/v1/keys`,
      userinfo: `${OKTA}/v1/userinfo`,
      logout: `${OKTA}/v1/logout`,
    },
    callback: {},
    // The thin one, which goes with an access token.
    idToken: {
      sub: '00uid4BxXw6I6TV4m0g3',
      ver: 1,
      jti: 'ID.4eAWJOCMB3SX8XewDfVR',
      amr: ['pwd', 'mfa'],
      idp: '00ok1u7AsAkrwdZL3z0g3',
    },
    userinfo: {
      name: 'Sam Thing',
      locale: 'en-US',
      email: 'sam@thing.example',
      preferred_username: 'sam@thing.example',
      given_name: 'Sam',
      family_name: 'Thing',
      zoneinfo: 'America/Los_Angeles',
      updated_at: 1_799_999_999,
      email_verified: true,
    },
  },
  entra: {
    issuer: `${ENTRA}/v2.0`,
    endpoints: {
      authorization: `${ENTRA}/oauth2/v2.0/authorize`,
      token: `${ENTRA}/oauth2/v2.0/token`,
      keys: `${ENTRA}/discovery/v2.0/keys`,
      userinfo: 'https://graph.microsoft.com/oidc/userinfo',
      logout: `${ENTRA}/oauth2/v2.0/logout`,
    },
    metadata: {
      code_challenge_methods_supported: undefined,
      token_endpoint_auth_methods_supported: [
        'client_secret_post',
        'private_key_jwt',
        'client_secret_basic',
      ],
      frontchannel_logout_supported: true,
      tenant_region_scope: 'EU',
      cloud_instance_name: 'microsoftonline.com',
      msgraph_host: 'graph.microsoft.com',
    },
    callback: { session_state: '005b3c2e-8c1f-4b0d-9a3e-0d9f6f1f7c55' },
    idToken: {
      ver: '2.0',
      sub: 'HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ',
      name: 'Sam Thing',
      preferred_username: 'sam@thing.example',
      oid: '690222be-ff1a-4d56-abd1-7e4f7d38e474',
      tid: TENANT,
      email: 'sam@thing.example',
      login_hint: 'O.CiQ2OTAyMjJiZS1mZjFhLTRkNTYtYWJkMS03ZTRmN2QzOGU0NzQ',
      sid: '005b3c2e-8c1f-4b0d-9a3e-0d9f6f1f7c55',
      rh: '1.AXQAi_8IAAAA.',
      uti: 'FVsGxYXI30-TuikuuUoFAA',
    },
    userinfo: { name: 'Sam Thing', email: 'sam@thing.example' },
  },
  auth0: {
    issuer: AUTH0,
    endpoints: {
      authorization: `${AUTH0}authorize`,
      token: `${AUTH0}oauth/token`,
      keys: `${AUTH0}.well-known/jwks.json`,
      userinfo: `${AUTH0}userinfo`,
      logout: `${AUTH0}oidc/logout`,
    },
    metadata: { backchannel_logout_supported: true, backchannel_logout_session_supported: true },
    callback: {},
    idToken: {
      sub: 'auth0|6543a1b2c3d4e5f678901234',
      sid: 'nCEM3jz6xEb5VjMz0Tz0zH3K0G3dtq8d',
      nickname: 'sam',
      name: 'sam@thing.example',
      picture: 'https://s.gravatar.com/avatar/0.png',
      updated_at: '2026-11-29T09:30:00.000Z',
      email: 'sam@thing.example',
      email_verified: true,
    },
    userinfo: {},
    logoutToken: {
      header: { typ: 'logout+jwt' },
      claims: { sid: 'nCEM3jz6xEb5VjMz0Tz0zH3K0G3dtq8d' },
    },
  },
  cognito: {
    issuer: COGNITO,
    endpoints: {
      authorization: `${COGNITO_LOGIN}/oauth2/authorize`,
      token: `${COGNITO_LOGIN}/oauth2/token`,
      keys: `${COGNITO}/.well-known/jwks.json`,
      userinfo: `${COGNITO_LOGIN}/oauth2/userInfo`,
      logout: `${COGNITO_LOGIN}/logout`,
    },
    callback: {},
    idToken: {
      sub: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
      'cognito:groups': ['testgroup'],
      'cognito:username': 'sam',
      email_verified: true,
      email: 'sam@thing.example',
      origin_jti: 'ad9ea2c0-04ee-4a54-9f2a-0a8ce5cd2f41',
      event_id: '64f513be-32db-42b0-b78e-b02127b4f463',
      token_use: 'id',
      jti: 'd1b3b9ea-60c5-4e17-9b8c-2b6f6f1d1a11',
    },
    userinfo: {},
  },
} as const satisfies Record<string, DocumentedProvider>;

export type DocumentedName = keyof typeof documentedProviders;

/** Makes a server that can be told what to do send what this provider sends, and claims of a test's own. */
export function replayOf(provider: DocumentedProvider, idTokenClaims: Json = {}): Misdeed {
  const { issuer, endpoints, metadata, callback, idToken, userinfo } = provider;
  return {
    discovery: {
      issuer,
      authorization_endpoint: endpoints.authorization,
      token_endpoint: endpoints.token,
      jwks_uri: endpoints.keys,
      userinfo_endpoint: endpoints.userinfo,
      end_session_endpoint: endpoints.logout,
      authorization_response_iss_parameter_supported: undefined,
      ...metadata,
    },
    callback: { iss: undefined, ...callback },
    idTokenClaims: { iss: issuer, ...idToken, ...idTokenClaims },
    userinfo: { email: undefined, email_verified: undefined, sub: idToken.sub, ...userinfo },
  };
}

/** Where the server has what the provider has at a URL. */
export function replayedUrl(url: string, server: string): string {
  for (const { issuer, endpoints } of Object.values<DocumentedProvider>(documentedProviders)) {
    const { token, keys, userinfo } = endpoints;
    const base = issuer.replace(/\/$/, '');
    if (url === `${base}/.well-known/openid-configuration`)
      return `${server}/.well-known/openid-configuration`;
    const path = { [token]: '/token', [keys]: '/jwks', [userinfo]: '/userinfo' }[url];
    if (path !== undefined) return `${server}${path}`;
  }
  throw new Error(`no documented provider has ${url}`);
}
