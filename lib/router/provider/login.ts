import type { Request } from 'express';
import { z } from 'zod';
import { isPageRequest } from '../../http/cross-site.js';
import { hasToChangePassword } from '../../accounts/temporary-password.js';
import { AuthError } from '../../errors.js';
import { isScopeToken } from '../../errors/challenges.js';
import type { LoginProvider } from '../../providers/login-provider.js';
import { needsUser } from '../../providers/errors.js';
import { redirectAway, redirectWithin, withParameters } from '../../http/redirects.js';
import {
  callbackUrl,
  keepMaxAge,
  keepReturnTo,
  ownPath,
  placeOf,
  queryOf,
  rightAddress,
  wishesOf,
} from '../own-urls.js';
import { refuseActor } from '../in-person.js';
import { MAX_AGE_SECONDS, requireFreshSignIn } from '../fresh-sign-in.js';
import { forwardPage } from '../pages/forward-page.js';
import { pageSession } from '../browser-session.js';
import { refuseLookAhead } from '../look-ahead.js';
import { readNotes } from '../../sessions/session-notes.js';
import { reported } from './sign-in.js';
import { type Exchange, isForm, readFormBody, readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import type { Transaction, Transactions } from './transactions.js';

/**
 * Redirects a browser to an identity provider. Query: `returnTo`, `prompt`, `login_hint`, `mode`, `acr_values`, `max_age`,
 * and with `mode=code` a `code_challenge`. Errors: INVALID_REQUEST (400), NOT_FOUND (404) for a provider that is not
 * configured, PROVIDER_ERROR (502).
 */
export function beginLogin(parts: RouterParts, transactions: Transactions): Endpoint {
  return async function handleBeginLogin(req, res) {
    // A prefetched page must not take the place of a pending log-in.
    refuseLookAhead(req);
    const wish = readWish(req);
    const address = isPageRequest(req) ? rightAddress(parts, req) : undefined;
    // The provider will send the browser there, where it would not have the cookie of this log-in.
    if (address) return redirectAway(res, address);
    const provider = await wayIn(parts, { req, res }, wish);
    // Several providers, or none: the sign-in page offers all of them, and the password.
    if (!provider)
      return redirectWithin(
        res,
        withParameters(ownPath(req, '/signin'), {
          ...wishesOf(req),
          // A signed-in user has to sign in again, more strongly or more recently.
          ...(isStepUp(wish) && { again: '1' }),
        }),
      );
    try {
      redirectAway(res, await begin({ parts, transactions, provider }, { req, res }, wish));
    } catch (error) {
      if (!wish.isSilent || !needsUser(error)) throw error;
      redirectWithin(res, withParameters(wish.returnTo, { auth_error: error.reason }));
    }
  };
}

/** Whether a signed-in user has to sign in again, more strongly or more recently. */
function isStepUp({ acrValues, maxAgeSeconds }: Wish): boolean {
  return (acrValues ?? maxAgeSeconds) !== undefined;
}

/**
 * Returns the provider that the request names, else the one that a signed-in user has come by who is to sign in again, else
 * the only one. Undefined for the sign-in page: a user who has come by password, and is to sign in more recently, is asked
 * for it. A password never makes a sign-in stronger.
 */
async function wayIn(
  parts: RouterParts,
  exchange: Exchange,
  wish: Wish,
): Promise<LoginProvider | undefined> {
  const { provider: name } = exchange.req.params;
  if (name !== undefined) return requireProvider(parts, name);
  const live = isStepUp(wish)
    ? await parts.sessions.recognise(pageSession(parts, exchange), 'cookie')
    : undefined;
  if (!live) return parts.providers.find(undefined);
  const { provider } = readNotes(live.session.data);
  const isByPassword = provider === undefined && parts.config.passwordLogin;
  if (isByPassword && wish.acrValues === undefined) return undefined;
  return (await parts.providers.find(provider)) ?? parts.providers.find(undefined);
}

const linkSchema = z.strictObject({ returnTo: z.string().optional() });

/**
 * Sends a user who is signed in by cookie to a provider, and links the identity there with the account. A POST, so that
 * no other site can start it. Errors: CREDENTIALS_MISSING and AUTH_CONTEXT_REQUIRED (401, unless the user has signed in
 * within ten minutes), PASSWORD_CHANGE_REQUIRED (403), and those of {@link beginLogin}.
 */
export function beginLink(parts: RouterParts, transactions: Transactions): Endpoint {
  return async function handleBeginLink(req, res) {
    const read = isForm(req) ? readFormBody : readJsonBody;
    const { returnTo } = await read({ req, res }, linkSchema);
    const live = await parts.sessions.recognise(parts.cookies.read(req, 'session'), 'cookie');
    const { realm } = parts.verifier;
    if (!live) throw new AuthError('CREDENTIALS_MISSING', { realm });
    if (live.notes.actor)
      refuseActor(parts, req, { actorId: live.notes.actor.id, userId: live.user.id });
    if (hasToChangePassword(live.user, parts.config))
      throw new AuthError('PASSWORD_CHANGE_REQUIRED', { realm });
    await requireFreshSignIn(parts, live.session).catch((error: unknown) => {
      keepReturnTo(req, placeOf(req, returnTo));
      keepMaxAge(req, MAX_AGE_SECONDS);
      throw error;
    });
    const provider = await requireProvider(parts, req.params['provider']);
    const wish: Wish = {
      returnTo: placeOf(req, returnTo),
      mode: 'cookie',
      isSilent: false,
      linkTo: live.user.id,
    };
    const url = await begin({ parts, transactions, provider }, { req, res }, wish);
    parts.pages.send(res, 200, forwardPage(provider.label, url.href));
  };
}

export async function requireProvider(
  { providers }: RouterParts,
  name: unknown,
): Promise<LoginProvider> {
  const provider = await providers.find(typeof name === 'string' ? name : undefined);
  if (!provider) throw new AuthError('NOT_FOUND', { reason: 'provider' });
  return provider;
}

/** What the query of a log-in asks for. */
interface Wish extends Pick<
  Transaction,
  'returnTo' | 'mode' | 'codeChallenge' | 'linkTo' | 'isSilent'
> {
  readonly prompt?: string | undefined;
  readonly loginHint?: string | undefined;
  readonly acrValues?: readonly string[] | undefined;
  readonly maxAgeSeconds?: number | undefined;
}

/** Begins a log-in. Returns the URL at the provider. */
async function begin(
  {
    parts,
    transactions,
    provider,
  }: {
    readonly parts: RouterParts;
    readonly transactions: Transactions;
    readonly provider: LoginProvider;
  },
  { req, res }: Exchange,
  { prompt, loginHint, acrValues, maxAgeSeconds, ...rest }: Wish,
): Promise<URL> {
  const { name } = provider;
  const { url, secrets } = await provider
    .begin({
      redirectUri: callbackUrl(parts, req, name),
      prompt,
      loginHint,
      acrValues,
      maxAgeSeconds,
    })
    .catch((error: unknown) => {
      throw reported(parts, req, { error, provider: name });
    });
  await transactions.begin({ req, res }, { ...rest, provider: name, secrets });
  return url;
}

const PROMPTS: readonly string[] = ['none', 'login', 'consent', 'select_account'];
const MAX_HINT = 254;
const MAX_ACR_VALUES = 256;
/** Seconds in a year. Sessions end earlier. */
const MOST_MAX_AGE = 31_536_000;
/** RFC 7636 §4.2: base64url of a SHA-256. */
const CHALLENGE = /^[\w-]{43}$/;

function readWish(req: Request): Wish {
  const query = queryOf(req);
  const returnTo = placeOf(
    req,
    query.getAll('returnTo').length > 1 ? undefined : query.get('returnTo'),
  );
  const prompt = single(query, 'prompt', (value) => PROMPTS.includes(value));
  const loginHint = single(query, 'login_hint', isHint);
  const mode = single(query, 'mode', (value) => value === 'cookie' || value === 'code');
  const acrValues = single(query, 'acr_values', (value) => {
    const values = value.split(' ');
    return value.length <= MAX_ACR_VALUES && values.every(isScopeToken);
  });
  const maxAge = single(
    query,
    'max_age',
    (value) => /^\d{1,8}$/.test(value) && Number(value) <= MOST_MAX_AGE,
  );
  const codeChallenge = single(query, 'code_challenge', (value) => CHALLENGE.test(value));
  single(query, 'code_challenge_method', (value) => value === 'S256');
  if (codeChallenge !== undefined && mode !== 'code') throw badParameter('code_challenge');
  return {
    returnTo,
    mode: mode === 'code' ? 'code' : 'cookie',
    isSilent: prompt === 'none',
    codeChallenge,
    prompt,
    loginHint,
    acrValues: acrValues?.split(' '),
    maxAgeSeconds: maxAge === undefined ? undefined : Number(maxAge),
  };
}

function single(
  query: URLSearchParams,
  name: string,
  isFine: (value: string) => boolean,
): string | undefined {
  const [value, ...others] = query.getAll(name);
  if (value === undefined) return undefined;
  if (others.length > 0 || !isFine(value)) throw badParameter(name);
  return value;
}

/** Visible characters only, so that no control character reaches a provider's log. */
function isHint(value: string): boolean {
  return value !== '' && value.length <= MAX_HINT && !/[\p{C}]/u.test(value);
}

function badParameter(name: string): AuthError {
  return new AuthError('INVALID_REQUEST', {
    reason: 'parameter',
    detail: `The parameter ${name} is not valid.`,
  });
}
