import type { Request } from 'express';
import { sendNextNonce } from '../../authenticate/dpop/next-nonce.js';
import { isScopeToken } from '../../errors/challenges.js';
import { AuthError } from '../../errors.js';
import { requestFacts } from '../../http/request-facts.js';
import { judgeAssertion } from '../../accounts/client-assertions.js';
import { type ClientVerdict, judgeSecret } from '../../accounts/client-secrets.js';
import { type ServiceAccount, TOKEN_SECONDS } from '../../accounts/stored-accounts.js';
import { tokenEndpointUrl } from '../own-urls.js';
import { readFormBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import { createProofOf } from '../proofs.js';
import { type ClientProof, findClientProof, tokenRequestSchema } from './client-credentials.js';
import { answeringInOAuth } from './oauth-errors.js';

/**
 * Gives a service account an access token (RFC 6749 §4.4). There is no refresh token (§4.4.3). Errors, as in §5.2: INVALID_REQUEST,
 * INVALID_SCOPE, UNSUPPORTED_GRANT_TYPE (400), INVALID_CLIENT (401), the same for every reason; STORE_UNAVAILABLE (503).
 */
export function issueClientToken(parts: RouterParts): Endpoint {
  const { signer, events, now } = parts;
  const prove = createClientCheck(parts);
  const proofOf = createProofOf(parts);
  return answeringInOAuth(async function handleClientCredentials(req, res) {
    // RFC 6749 §5.1. `Cache-Control` is set for every route.
    res.setHeader('Pragma', 'no-cache');
    const body = await readFormBody({ req, res }, tokenRequestSchema);
    refuseOtherGrants(body.grant_type);
    // Before the client's own proof, which may be used up by being looked at.
    const keyThumbprint = await proofOf(req);
    const account = await prove(req, findClientProof(req, body));
    const scopes = grantedScopes(account, body.scope);
    const { id, org, roles, tokenSeconds = TOKEN_SECONDS } = account;
    const { token, expiresIn } = await signer.sign({
      subject: id,
      clientId: id,
      scopes,
      user: { orgs: [{ id: org, roles, isDefault: true }] },
      ...(keyThumbprint !== undefined && { keyThumbprint }),
      notAfter: Math.floor(now() / 1000) + tokenSeconds,
    });
    events.emit('token.issued', { clientId: id, org, ...requestFacts(req) });
    sendNextNonce(req, res);
    res.json({
      access_token: token,
      token_type: keyThumbprint === undefined ? 'Bearer' : 'DPoP',
      expires_in: expiresIn,
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    });
  });
}

function refuseOtherGrants(grantType: string | undefined): void {
  if (grantType === undefined)
    throw new AuthError('INVALID_REQUEST', { detail: 'grant_type is missing.' });
  if (grantType !== 'client_credentials') throw new AuthError('UNSUPPORTED_GRANT_TYPE');
}

/** Without a wish all that the account has. A wish for more is refused, not cut down. */
function grantedScopes(account: ServiceAccount, wish: string | undefined): readonly string[] {
  if (wish === undefined) return account.scopes;
  const wanted = [...new Set(wish.split(' '))];
  if (wanted.every((scope) => isScopeToken(scope) && account.scopes.includes(scope))) return wanted;
  throw new AuthError('INVALID_SCOPE');
}

/** A secret's last use is noted at most so often. */
const TOUCH_AFTER_MS = 60_000;

/** Resolves to the account of a client that proves itself. Rejects with INVALID_CLIENT (401) for any other. */
function createClientCheck(
  parts: RouterParts,
): (req: Request, proof: ClientProof) => Promise<ServiceAccount> {
  const { store, orgs, config, events, inBackground, now } = parts;
  const { credentials, once } = store;

  async function judge(req: Request, proof: ClientProof): Promise<ClientVerdict> {
    if (proof.by === 'nothing') return { reason: proof.reason, accountId: undefined };
    const { clientId } = proof;
    if (proof.by === 'secret')
      return judgeSecret({ credentials, now }, proof.clientId, proof.secret);
    const { issuer } = config.jwt;
    return judgeAssertion({ credentials, once, now }, proof.assertion, {
      clientId,
      // The issuer is what the revision of RFC 7523 wants; clients that follow OpenID Connect Core §9 name the endpoint.
      audiences: [tokenEndpointUrl(parts, req), ...(issuer === undefined ? [] : [issuer])],
      toleranceSeconds: config.clockToleranceSeconds,
      now: now(),
    });
  }

  /** Last, so that only a client that has proven itself costs this look, and can tell by it that the organisation is gone. */
  async function judgeOrg(verdict: ClientVerdict): Promise<ClientVerdict> {
    if ('reason' in verdict || (await orgs?.exists(verdict.account.org)) !== false) return verdict;
    return { reason: 'org_gone', accountId: verdict.account.id };
  }

  return async function proveClient(req, proof) {
    const verdict = await judgeOrg(await judge(req, proof));
    if ('reason' in verdict) {
      const { reason, accountId: clientId } = verdict;
      events.emit('client.refused', { reason, clientId, ...requestFacts(req) });
      throw new AuthError('INVALID_CLIENT', { reason });
    }
    const { id, lastUsedAt = -Infinity } = verdict.secret ?? {};
    if (id !== undefined && now() - lastUsedAt >= TOUCH_AFTER_MS)
      // The token has been earned. A failure is reported by the store's own event.
      inBackground(credentials.touch(id, now()).catch(() => undefined));
    return verdict.account;
  };
}
