import {
  createHash,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign as signBytes,
} from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { CompactSign, exportJWK, exportSPKI, type JWK } from 'jose';
import { keyPair } from './key-pairs.js';
import { serve } from './serve.js';

type Json = Readonly<Record<string, unknown>>;

/**
 * What the provider does wrong. Members combine; what is left out is done honestly. Where claims, headers or
 * metadata are given, they go over the honest ones, and `undefined` removes one.
 */
export interface Misdeed {
  /** Into the ID token for a code. The one for a refresh token is {@link Misdeed.refreshedIdToken}. */
  readonly idTokenClaims?: Json;
  /** Into the ID token for a refresh token, which honestly has no nonce. */
  readonly refreshedIdToken?: Json;
  /**
   * Into the header of every ID token. A signature by another algorithm is made wherever the keys allow it:
   * `none` has none, `HS256` is by the client's secret, `PS256`, `RS512` and so on by the RSA key. Under any
   * other name stands an RS256 signature, so that there is always a token to refuse.
   */
  readonly idTokenHeader?: Json;
  /** How ID tokens and logout tokens are signed. `other-key` goes by the `kid` of the published key. */
  readonly sign?:
    | 'none'
    | 'hs256-with-client-secret'
    | 'hs256-with-public-key'
    | 'bad-signature'
    | 'other-key';
  /** Over what a token response says, but for its tokens; `undefined` leaves something out. */
  readonly tokenResponse?: Json;
  /** Characters of access and refresh tokens. They are good all the same. */
  readonly tokenLength?: number;
  /** Leaves the ID token out of every token response. */
  readonly noIdToken?: boolean;
  /** Publishes so many RSA keys ahead of the one that signs. */
  readonly extraKeys?: number;
  readonly keysWithoutKid?: boolean;
  readonly jwks?: 'html' | 'empty' | 'error' | 'hang';
  readonly userinfo?: Json | 'error';
  /** Parameters of the callback URL: `undefined` removes one, a list repeats it. */
  readonly callback?: Readonly<Record<string, string | undefined | readonly string[]>>;
  readonly discovery?: Json | 'html' | 'error' | 'hang' | 'redirect' | 'huge';
  readonly token?:
    | 'error500'
    | 'html'
    | 'hang'
    | 'redirect'
    | 'huge'
    | 'empty'
    | 'invalid_grant'
    | 'wrong-type'
    | 'drip';
}

/** An OpenID provider over loopback HTTP that does what no certified one can be made to do. */
export interface HostileProvider {
  /** `http://127.0.0.1:<port>`. */
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Requests by path so far, e.g. `requests('/token')`. */
  requests(path: string): number;
  /** Behaves as told from now on, in place of what it was told before; `{}` is honest. */
  misbehave(misdeed: Misdeed): void;
  /**
   * Where the browser of a user who agrees to `authorizationUrl` is sent back to. Rejects where an honest
   * provider would show the user an error page.
   */
  authorize(authorizationUrl: string): Promise<string>;
  /** A back-channel logout token for `user-1`, signed as ID tokens are. */
  logoutToken(claims?: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>;
  /** Signs with a new key from now on; the old one is withdrawn. */
  rotate(): Promise<void>;
}

const CLIENT_ID = 'hostile-client';
const CLIENT_SECRET = 'a-secret-that-even-this-provider-keeps';

const USER = {
  sub: 'user-1',
  email: 'user-1@hostile.example',
  email_verified: true,
  name: 'User One',
};

/** Where a cloud keeps the credentials of its machines: the classic target of a forged request. */
const METADATA_SERVICE = 'http://169.254.169.254/';

const HUGE_BYTES = 5 * 1024 * 1024;
const DRIP_INTERVAL_MS = 200;

/** What the user agreed to. */
interface Grant {
  readonly scope: string;
  readonly authTime: number;
}

interface Authorization extends Grant {
  readonly redirectUri: string;
  readonly nonce: string | undefined;
  readonly challenge: string | undefined;
}

/** Starts a provider that runs until the test that asked for it has finished. It begins honest. `date` is in every answer, in place of the time. */
export async function startHostileProvider({ date = '' } = {}): Promise<HostileProvider> {
  const counts = new Map<string, number>();
  const codes = new Map<string, Authorization>();
  const refreshTokens = new Map<string, Grant>();
  const accessTokens = new Set<string>();
  const stranger = await keyNumber(0);
  let generation = 1;
  let key = await keyNumber(generation);
  let misdeed: Misdeed = {};

  const endpoints: Readonly<
    Record<string, (request: IncomingMessage, response: ServerResponse) => unknown>
  > = {
    '/.well-known/openid-configuration': (_request, response) => answerDiscovery(response),
    '/jwks': (_request, response) => answerJwks(response),
    '/authorize': async ({ url = '' }, response) =>
      redirect(response, await authorize(`${issuer}${url}`)),
    '/token': answerToken,
    '/userinfo': answerUserinfo,
    '/end-session': ({ url = '' }, response) => {
      const { searchParams } = new URL(url, issuer);
      redirect(response, searchParams.get('post_logout_redirect_uri') ?? issuer);
    },
  };

  const { origin: issuer } = await serve((request, response) => {
    const { pathname } = new URL(`http://localhost${request.url ?? ''}`);
    counts.set(pathname, requests(pathname) + 1);
    if (date) response.setHeader('Date', date);
    answer(request, response, pathname).catch((error: unknown) => {
      response.destroy();
      // A mistake in here must not pass for a refusal over there. A client that went away is no mistake.
      if (request.errored === null) throw error;
    });
  });

  async function answer(
    request: IncomingMessage,
    response: ServerResponse,
    pathname: string,
  ): Promise<void> {
    const endpoint = endpoints[pathname];
    if (endpoint === undefined) response.writeHead(404).end();
    else await endpoint(request, response);
  }

  function requests(path: string): number {
    return counts.get(path) ?? 0;
  }

  function answerDiscovery(response: ServerResponse): void {
    const metadata = metadataOf(issuer);
    const { discovery = {} } = misdeed;
    if (typeof discovery === 'string') misanswer(response, discovery, metadata);
    else json(response, 200, merge(metadata, discovery));
  }

  function answerJwks(response: ServerResponse): void {
    const { jwks, extraKeys = 0, keysWithoutKid = false } = misdeed;
    if (jwks === 'empty') return json(response, 200, { keys: [] });
    if (jwks !== undefined) return misanswer(response, jwks);
    const keys = [...decoys(extraKeys), key.jwk];
    json(response, 200, {
      keys: keysWithoutKid ? keys.map((jwk) => merge(jwk, { kid: undefined })) : keys,
    });
  }

  async function authorize(authorizationUrl: string): Promise<string> {
    const { searchParams } = new URL(authorizationUrl);
    const authorization = authorizationOf(searchParams);
    const code = secret('code');
    codes.set(code, authorization);
    const callback = new URL(authorization.redirectUri);
    const state = searchParams.get('state') ?? undefined;
    const parameters = { code, state, iss: issuer, ...misdeed.callback };
    for (const [name, value] of Object.entries(parameters)) {
      callback.searchParams.delete(name);
      for (const each of [value ?? []].flat()) callback.searchParams.append(name, each);
    }
    return callback.href;
  }

  async function answerToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const fault = misdeed.token;
    if (fault === 'invalid_grant') return refuse(response, 'invalid_grant');
    if (fault !== undefined && fault !== 'huge' && fault !== 'wrong-type')
      return misanswer(response, fault);
    if (request.method !== 'POST') return void response.writeHead(405).end();
    const form = new URLSearchParams(await text(request));
    if (!isClient(request, form)) return refuse(response, 'invalid_client');
    const grantType = form.get('grant_type');
    if (grantType !== 'authorization_code' && grantType !== 'refresh_token')
      return refuse(response, 'unsupported_grant_type');
    const tokens = await (grantType === 'refresh_token' ? refresh(form) : exchange(form));
    if (tokens === undefined) return refuse(response, 'invalid_grant');
    if (fault === 'huge') return misanswer(response, fault, tokens);
    json(response, 200, fault === 'wrong-type' ? { ...tokens, token_type: 'mac' } : tokens);
  }

  /** A code is spent by the first attempt with it, right or wrong. */
  async function exchange(form: URLSearchParams): Promise<Json | undefined> {
    const authorization = take(codes, form.get('code'));
    if (authorization === undefined) return undefined;
    if (form.get('redirect_uri') !== authorization.redirectUri) return undefined;
    if (challengeOf(form.get('code_verifier')) !== authorization.challenge) return undefined;
    const { nonce } = authorization;
    return issueTokens(authorization, { nonce, ...misdeed.idTokenClaims });
  }

  async function refresh(form: URLSearchParams): Promise<Json | undefined> {
    const grant = take(refreshTokens, form.get('refresh_token'));
    return grant && issueTokens(grant, misdeed.refreshedIdToken);
  }

  async function issueTokens({ scope, authTime }: Grant, idTokenClaims: Json = {}): Promise<Json> {
    const { tokenLength = 0 } = misdeed;
    const accessToken = secret('access').padEnd(tokenLength, 'x');
    const refreshToken = secret('refresh').padEnd(tokenLength, 'x');
    accessTokens.add(accessToken);
    refreshTokens.set(refreshToken, { scope, authTime });
    const claims = {
      ...claimsFor(300),
      sub: USER.sub,
      auth_time: authTime,
      ...idTokenClaims,
    };
    const idToken = misdeed.noIdToken
      ? undefined
      : await sign(claims, { typ: 'JWT', ...misdeed.idTokenHeader });
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: 3600,
      refresh_token: refreshToken,
      scope,
      id_token: idToken,
      ...misdeed.tokenResponse,
    };
  }

  function claimsFor(lifetimeSeconds: number): Json {
    const iat = nowSeconds();
    return { iss: issuer, aud: CLIENT_ID, iat, exp: iat + lifetimeSeconds };
  }

  function answerUserinfo({ headers }: IncomingMessage, response: ServerResponse): void {
    const { userinfo = {} } = misdeed;
    if (userinfo === 'error') return misanswer(response, 'error');
    const [scheme = '', token = ''] = (headers.authorization ?? '').split(' ');
    if (scheme.toLowerCase() === 'bearer' && accessTokens.has(token))
      return json(response, 200, merge(USER, userinfo));
    response.setHeader('WWW-Authenticate', 'Bearer error="invalid_token"');
    json(response, 401, { error: 'invalid_token' });
  }

  /** By the published key, unless the misdeed or the header say otherwise. */
  async function sign(claims: Json, header: Json): Promise<string> {
    const how = misdeed.sign;
    const token = {
      header: merge({ alg: algorithmOf(how), kid: key.jwk.kid }, header),
      claims: merge(claims),
    };
    const signed = await signToken(token, {
      key: how === 'other-key' ? stranger.privateKey : key.privateKey,
      secret: how === 'hs256-with-public-key' ? await exportSPKI(key.publicKey) : CLIENT_SECRET,
    });
    return how === 'bad-signature' ? spoilSignature(signed) : signed;
  }

  return Object.freeze({
    issuer,
    clientId: CLIENT_ID,
    clientSecret: CLIENT_SECRET,
    requests,
    misbehave(told: Misdeed) {
      misdeed = told;
    },
    authorize,
    logoutToken: (claims: Json = {}, header: Json = {}) =>
      sign(
        {
          ...claimsFor(120),
          sub: USER.sub,
          jti: randomUUID(),
          events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
          ...claims,
        },
        { typ: 'logout+jwt', ...header },
      ),
    async rotate() {
      generation += 1;
      key = await keyNumber(generation);
    },
  });
}

function metadataOf(issuer: string): Json {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/userinfo`,
    jwks_uri: `${issuer}/jwks`,
    end_session_endpoint: `${issuer}/end-session`,
    authorization_response_iss_parameter_supported: true,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256', 'ES256'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
  };
}

function authorizationOf(parameters: URLSearchParams): Authorization {
  const redirectUri = parameters.get('redirect_uri');
  const challenge = parameters.get('code_challenge') ?? undefined;
  if (parameters.get('client_id') !== CLIENT_ID) throw new Error('client_id is not of this client');
  if (parameters.get('response_type') !== 'code') throw new Error('response_type is not code');
  if (redirectUri === null) throw new Error('redirect_uri is missing');
  if (challenge !== undefined && parameters.get('code_challenge_method') !== 'S256')
    throw new Error('code_challenge_method is not S256');
  return {
    redirectUri,
    challenge,
    nonce: parameters.get('nonce') ?? undefined,
    scope: parameters.get('scope') ?? '',
    authTime: nowSeconds(),
  };
}

/** By HTTP Basic, whose halves are form-encoded first (RFC 6749, section 2.3.1), or by the form. */
function isClient({ headers }: IncomingMessage, form: URLSearchParams): boolean {
  const [, basic] = /^Basic (.+)$/i.exec(headers.authorization ?? '') ?? [];
  const [id, password] =
    basic === undefined
      ? [form.get('client_id'), form.get('client_secret')]
      : Buffer.from(basic, 'base64').toString().split(':').map(decodeFormValue);
  return id === CLIENT_ID && password === CLIENT_SECRET;
}

function decodeFormValue(encoded: string): string | null {
  return new URLSearchParams(`value=${encoded}`).get('value');
}

/** `undefined` for no verifier, as no challenge is: neither goes without the other. */
function challengeOf(verifier: string | null): string | undefined {
  return verifier === null ? undefined : createHash('sha256').update(verifier).digest('base64url');
}

/** Returns what is kept under a name, and forgets it. */
function take<Value>(kept: Map<string, Value>, name: string | null): Value | undefined {
  if (name === null) return undefined;
  const value = kept.get(name);
  kept.delete(name);
  return value;
}

function secret(kind: string): string {
  return `${kind}-${randomBytes(24).toString('base64url')}`;
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000);
}

interface SigningKey {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly jwk: JWK & { readonly kid: string };
}

/** A number always stands for the same key. */
async function keyNumber(number: number): Promise<SigningKey> {
  const kid = `hostile-${number}`;
  const pair = keyPair('RSA-2048', kid);
  return { ...pair, jwk: { ...(await exportJWK(pair.publicKey)), kid, use: 'sig', alg: 'RS256' } };
}

const madeDecoys: JWK[] = [];

/**
 * Public keys without private halves. Their moduli are only random numbers of the right size, so that a
 * test can ask for very many; once made, each stays what it is, as a published key would.
 */
function decoys(count: number): readonly JWK[] {
  while (madeDecoys.length < count) {
    const modulus = randomBytes(256);
    modulus.writeUInt8(modulus.readUInt8(0) | 0x80, 0);
    modulus.writeUInt8(modulus.readUInt8(255) | 1, 255);
    madeDecoys.push({
      kty: 'RSA',
      n: modulus.toString('base64url'),
      e: 'AQAB',
      kid: `decoy-${madeDecoys.length + 1}`,
      use: 'sig',
      alg: 'RS256',
    });
  }
  return madeDecoys.slice(0, count);
}

function algorithmOf(how: Misdeed['sign']): string {
  if (how === 'none') return 'none';
  return how?.startsWith('hs256') ? 'HS256' : 'RS256';
}

/** Signs by what the header names, as {@link Misdeed.idTokenHeader} tells. */
async function signToken(
  { header, claims }: { readonly header: Json; readonly claims: Json },
  by: { readonly key: KeyObject; readonly secret: string },
): Promise<string> {
  const { alg, crit } = header;
  const payload = Buffer.from(JSON.stringify(claims));
  if (typeof alg === 'string' && /^(HS256|[RP]S(256|384|512))$/.test(alg)) {
    // The signer refuses extensions it has not heard of; here it is the verifier that should.
    const extensions = Array.isArray(crit) ? crit.map((name) => [String(name), true]) : [];
    return new CompactSign(payload)
      .setProtectedHeader({ ...header, alg })
      .sign(alg === 'HS256' ? Buffer.from(by.secret) : by.key, {
        crit: Object.fromEntries(extensions),
      });
  }
  const encodedHeader = Buffer.from(JSON.stringify(header)).toString('base64url');
  const signed = `${encodedHeader}.${payload.toString('base64url')}`;
  if (alg === 'none') return `${signed}.`;
  return `${signed}.${signBytes('sha256', Buffer.from(signed), by.key).toString('base64url')}`;
}

/** Flips one bit in the middle: the last characters of a signature may hold bits that count for nothing. */
function spoilSignature(token: string): string {
  const start = token.lastIndexOf('.') + 1;
  const signature = Buffer.from(token.slice(start), 'base64url');
  if (signature.length === 0) return token;
  const middle = signature.length >> 1;
  signature.writeUInt8(signature.readUInt8(middle) ^ 1, middle);
  return `${token.slice(0, start)}${signature.toString('base64url')}`;
}

/** Puts `over` on top, and takes out what is `undefined` then. */
function merge(honest: Json, over: Json = {}): Json {
  return Object.fromEntries(
    Object.entries({ ...honest, ...over }).filter(([, value]) => value !== undefined),
  );
}

function json(response: ServerResponse, status: number, body: Json): void {
  response
    .writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
    .end(JSON.stringify(body));
}

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(302, { Location: location }).end();
}

function refuse(response: ServerResponse, error: string): void {
  if (error !== 'invalid_client') return json(response, 400, { error });
  response.setHeader('WWW-Authenticate', 'Basic realm="hostile"');
  json(response, 401, { error });
}

type Fault = 'html' | 'error' | 'error500' | 'hang' | 'redirect' | 'huge' | 'empty' | 'drip';

/** What is huge says nothing wrong, so that only its size can be the reason to refuse it. */
function misanswer(response: ServerResponse, fault: Fault, honest: Json = {}): void {
  switch (fault) {
    case 'html':
      response.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8' });
      return void response.end('<!doctype html><title>Welcome</title><p>Please sign in.</p>');
    case 'error':
    case 'error500':
      return json(response, 500, { error: 'server_error' });
    case 'redirect':
      return redirect(response, METADATA_SERVICE);
    case 'huge':
      return json(response, 200, { ...honest, padding: 'x'.repeat(HUGE_BYTES) });
    case 'empty':
      return void response.writeHead(200, { 'Content-Type': 'application/json' }).end();
    case 'drip':
      return drip(response);
    case 'hang':
      // The connection stays open until the client gives up or the server closes.
      return;
  }
}

/** Always about to be done: a limit on the silence between bytes never ends this, only one on the whole. */
function drip(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.write('{');
  const timer = setInterval(() => response.write(' '), DRIP_INTERVAL_MS);
  response.once('close', () => clearInterval(timer));
}
