import type { IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { createHash } from 'node:crypto';
import {
  type Asked,
  type Authorization,
  authorizationOf,
  createCodes,
  json,
  type Json,
  type ReplayServer,
  startReplayServer,
} from './replay-server.js';
import { createTokenSigner } from './token-signer.js';

/** How one OpenID provider differs from the next. */
export interface OpenidShape {
  readonly clientId: string;
  /** The metadata that it publishes; endpoints are served by the paths in it. */
  readonly metadata: Json & {
    readonly issuer: string;
    readonly token_endpoint: string;
    readonly jwks_uri: string;
  };
  readonly codePrefix: string;
  isClient(form: URLSearchParams): boolean | Promise<boolean>;
  /** What its answer has beside tokens of both kinds. */
  tokenAnswer(grant: Grant): Json;
  /** Claims of its ID tokens beside those that every ID token has. */
  readonly claims: Json;
  readonly idTokenSeconds: number;
}

interface Grant {
  readonly type: 'authorization_code' | 'refresh_token';
  readonly authorization: Authorization;
}

/** An OpenID provider over loopback HTTP, in the shapes that one of them documents. */
export interface OpenidReplay extends ReplayServer {
  readonly clientId: string;
  /** Over the claims of the ID token; `undefined` removes one. A test may put others in their place. */
  claims: Json;
  /** What the token endpoint answers in place of tokens. @defaultValue none */
  tokenError: string | undefined;
  /** The code of a user who agrees. */
  agree(authorizationUrl: string): Authorization & { readonly code: string };
}

/** Starts a server that runs until the test that asked for it has finished. */
export async function startOpenidReplay(shape: OpenidShape): Promise<OpenidReplay> {
  const { clientId, metadata } = shape;
  const { issuer } = metadata;
  const signer = await createTokenSigner(`${new URL(issuer).hostname}-1`);
  const codes = createCodes(shape.codePrefix);
  const refreshTokens = new Map<unknown, Authorization>();
  const state: { claims: Json; tokenError: string | undefined } = {
    claims: {},
    tokenError: undefined,
  };
  const urls = Object.values(metadata).filter((value) => typeof value === 'string');
  const hosts = [...new Set(urls.map((url) => new URL(url).origin))];
  const endpoints: Readonly<Record<string, (asked: Asked) => Promise<void> | void>> = {
    'GET /.well-known/openid-configuration': ({ response }) => json(response, 200, metadata),
    [`GET ${new URL(metadata.jwks_uri).pathname}`]: ({ response }) =>
      json(response, 200, { keys: [signer.jwk] }),
    [`POST ${new URL(metadata.token_endpoint).pathname}`]: answerToken,
  };
  const replay = await startReplayServer(hosts, (asked) => {
    const answer = endpoints[asked.endpoint];
    if (answer) return answer(asked);
    json(asked.response, 404, {});
  });

  async function answerToken({ request, response }: Asked): Promise<void> {
    const form = withBasic(request.headers, new URLSearchParams(await text(request)));
    const { tokenError } = state;
    if (tokenError !== undefined) return json(response, 400, { error: tokenError });
    if (form.get('client_id') !== clientId || !(await shape.isClient(form)))
      return json(response, 401, { error: 'invalid_client' });
    const grant = grantOf(form);
    if (grant === undefined) return json(response, 400, { error: 'invalid_grant' });
    const answer = shape.tokenAnswer(grant);
    const { refresh_token: refreshToken } = answer;
    if (refreshToken !== undefined) refreshTokens.set(refreshToken, grant.authorization);
    json(response, 200, { ...answer, id_token: await idToken(grant, answer) });
  }

  function grantOf(form: URLSearchParams): Grant | undefined {
    const isRefresh = form.get('grant_type') === 'refresh_token';
    const authorization = isRefresh
      ? refreshTokens.get(form.get('refresh_token'))
      : codes.redeem(form);
    if (authorization === undefined || authorization === 'redirect_uri') return undefined;
    return { type: isRefresh ? 'refresh_token' : 'authorization_code', authorization };
  }

  function idToken({ type, authorization }: Grant, answer: Json): Promise<string> {
    const iat = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      aud: clientId,
      iat,
      exp: iat + shape.idTokenSeconds,
      at_hash: hashOf(String(answer['access_token'])),
      ...(type === 'authorization_code' && { nonce: authorization.nonce }),
      ...shape.claims,
      ...state.claims,
    };
    return signer.sign({ header: {}, claims });
  }

  return Object.assign(state, {
    ...replay,
    clientId,
    agree(url: string) {
      const authorization = authorizationOf(url, clientId);
      return { ...authorization, code: codes.issue(authorization) };
    },
  });
}

/** Client id and secret stand in the form, or in a header whose halves are form-encoded (RFC 6749 §2.3.1). */
function withBasic({ authorization = '' }: IncomingHttpHeaders, form: URLSearchParams) {
  const [, basic] = /^Basic (.+)$/i.exec(authorization) ?? [];
  if (basic === undefined) return form;
  const [id = '', secret = ''] = Buffer.from(basic, 'base64').toString().split(':');
  for (const [name, value] of new URLSearchParams(`client_id=${id}&client_secret=${secret}`))
    form.set(name, value);
  return form;
}

/** OpenID Connect Core §3.1.3.6. */
function hashOf(token: string): string {
  return createHash('sha256').update(token).digest().subarray(0, 16).toString('base64url');
}
