import type { JsonObject, Minter } from '../minter.js';
import type { ForgedToken } from './forged-token.js';

const HASH = 'LDktKdoQak3Pk0cnXxCltA';
const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/**
 * D10: the issuer's other tokens, replayed as access tokens. Each stands twice: as issuers really make
 * it, and with every claim of an access token, so that only its kind tells it apart.
 */
export function otherKinds(minter: Minter): readonly ForgedToken[] {
  return kinds(minter).flatMap(({ title, typ, claims, real }) => [
    { title: `D10 ${title}`, token: minter.token({ ...claims, ...real }, { typ }) },
    { title: `D10 ${title} with our audience`, token: minter.token(claims, { typ }) },
  ]);
}

interface Kind {
  readonly title: string;
  readonly typ: string;
  /** What marks the kind. */
  readonly claims: JsonObject;
  /** How a real one differs from an access token besides. */
  readonly real: JsonObject;
}

const forClient = { aud: 'client-1', client_id: undefined };

function kinds(minter: Minter): readonly Kind[] {
  return [...userKinds(minter), ...protocolKinds(minter)];
}

function userKinds(minter: Minter): readonly Kind[] {
  const { issuer } = minter;
  const signIn = { nonce: 'n-0S6_WzA2Mj', auth_time: minter.nowSeconds() };
  return [
    {
      title: 'an ID token',
      typ: 'JWT',
      claims: { ...signIn, at_hash: HASH, c_hash: HASH },
      real: forClient,
    },
    {
      title: 'an ID token marked token_use',
      typ: 'JWT',
      claims: { token_use: 'id', at_hash: HASH },
      real: forClient,
    },
    {
      title: 'an ID token marked typ',
      typ: 'JWT',
      claims: { typ: 'ID', at_hash: HASH },
      real: forClient,
    },
    {
      title: 'a refresh token marked typ',
      typ: 'JWT',
      claims: { typ: 'Refresh' },
      real: { aud: issuer },
    },
    {
      title: 'an offline token marked typ',
      typ: 'JWT',
      claims: { typ: 'Offline' },
      real: { aud: issuer },
    },
  ];
}

function protocolKinds({ issuer }: Minter): readonly Kind[] {
  const bare = { iss: undefined, aud: undefined, sub: undefined, client_id: undefined };
  return [
    {
      title: 'a log-out token',
      typ: 'logout+jwt',
      claims: { events: { [LOGOUT_EVENT]: {} }, sid: 'session-1' },
      real: forClient,
    },
    {
      title: 'a log-out token without its typ',
      typ: 'JWT',
      claims: { events: { [LOGOUT_EVENT]: {} }, sid: 'session-1' },
      real: forClient,
    },
    {
      title: 'a DPoP proof',
      typ: 'dpop+jwt',
      claims: { htm: 'GET', htu: 'https://api.test/', ath: HASH },
      real: { ...bare, exp: undefined },
    },
    {
      title: 'an authorization request',
      typ: 'oauth-authz-req+jwt',
      claims: { response_type: 'code', redirect_uri: 'https://app.test/callback', scope: 'openid' },
      real: { iss: 'client-1', aud: issuer, sub: undefined },
    },
    {
      title: 'an introspection response',
      typ: 'token-introspection+jwt',
      claims: { token_introspection: { active: true } },
      real: { sub: undefined, exp: undefined },
    },
  ];
}
