import { z } from 'zod';
import { AuthError } from '../../errors.js';
import { reduceAppleUser } from '../../providers/apple-user.js';
import { needsUser } from '../../providers/errors.js';
import { redirectWithin, withParameters } from '../../http/redirects.js';
import { pageSession, redirectSignedIn } from '../browser-session.js';
import { completeSignIn } from '../complete-sign-in.js';
import type { OneTimeCodes } from './exchange.js';
import { homePath, keepReturnTo, ownPath, queryOf } from '../own-urls.js';
import { refuseLookAhead } from '../look-ahead.js';
import { requireProvider } from './login.js';
import { admitIdentity, providerSessionFacts, reported } from './sign-in.js';
import { type Exchange, readFormBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import type { Transaction, Transactions } from './transactions.js';

/** Parameters of a provider's answer (RFC 6749 §4.1.2, RFC 9207 §2), and Apple's own `user`. All others are ignored. */
const ANSWER = ['code', 'state', 'iss', 'error', 'error_description', 'user'] as const;

interface CallbackContext {
  readonly parts: RouterParts;
  readonly transactions: Transactions;
  readonly codes: OneTimeCodes;
}

/**
 * Finishes a log-in with a provider's answer (RFC 6749 §4.1.2). Errors: INVALID_REQUEST (400) when this browser has no
 * pending log-in that the answer belongs to, LOGIN_FAILED (401), LOGIN_DENIED (403), PROVIDER_ERROR (502), STORE_UNAVAILABLE (503).
 */
export function callback(context: CallbackContext): Endpoint {
  const { parts, transactions } = context;
  return async function handleCallback(req, res) {
    refuseLookAhead(req);
    const { name } = await requireProvider(parts, req.params['provider']);
    const failure = (error: unknown) => reported(parts, req, { error, provider: name });
    const badRequest = (reason: string) => failure(new AuthError('INVALID_REQUEST', { reason }));
    const query = queryOf(req);
    // Of two with one name we might judge one, and the protocol library the other.
    if (ANSWER.some((parameter) => query.getAll(parameter).length > 1))
      throw badRequest('repeated_parameter');
    const answer = readAnswer(query);
    const state = answer.get('state') ?? '';
    const answered = await transactions
      .take({ req, res }, { state, provider: name })
      .catch((error: unknown) => {
        throw failure(error);
      });
    if (!answered || 'over' in answered) {
      const { over } = answered ?? {};
      if (over) keepReturnTo(req, over.returnTo);
      // A second answer, the back button, or a restored tab: nothing is left to do for a signed-in user.
      if (await parts.sessions.recognise(pageSession(parts, { req, res }), 'cookie'))
        return redirectWithin(res, over?.returnTo ?? homePath(req));
      const refusal = badRequest('state');
      if (over?.mode !== 'code') throw refusal;
      return redirectWithin(res, withParameters(over.returnTo, { auth_error: 'login_failed' }));
    }
    const { pending: transaction } = answered;
    keepReturnTo(req, transaction.returnTo);
    await finish(context, { req, res }, { answer, transaction }).catch((error: unknown): void => {
      const isAnnounced = transaction.isSilent && needsUser(error);
      const told = isAnnounced ? error : failure(error);
      // In code mode, and for `prompt=none`, failures go to the application's own page.
      if (!(error instanceof AuthError) || !(isAnnounced || transaction.mode === 'code'))
        throw told;
      const code = isAnnounced ? error.reason : error.code.toLowerCase();
      redirectWithin(res, withParameters(transaction.returnTo, { auth_error: code }));
    });
  };
}

const formSchema = z.object(
  Object.fromEntries(ANSWER.map((name) => [name, z.string().optional()] as const)),
);

/**
 * Redirects an answer by form (OAuth 2.0 Form Post Response Mode) to the same answer by query: the form comes from
 * another site, so the browser sends our cookies only with the GET.
 */
export function formCallback(): Endpoint {
  return async function handleFormCallback(req, res) {
    const body = await readFormBody({ req, res }, formSchema);
    const { user, ...rest } = body;
    const given = { ...rest, user: user === undefined ? undefined : reduceAppleUser(user) };
    const answer = Object.entries(given).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as [string, string]],
    );
    const query = new URLSearchParams(answer).toString();
    redirectWithin(res, ownPath(req, `${req.path}?${query}`));
  };
}

function readAnswer(query: URLSearchParams): URLSearchParams {
  const given = ANSWER.flatMap((name): [string, string][] => {
    const value = query.get(name);
    return value === null ? [] : [[name, value]];
  });
  return new URLSearchParams(given);
}

async function finish(
  { parts, codes }: CallbackContext,
  { req, res }: Exchange,
  { answer, transaction }: { readonly answer: URLSearchParams; readonly transaction: Transaction },
): Promise<void> {
  const { provider: name, secrets, returnTo, mode, codeChallenge, linkTo } = transaction;
  if (!answer.has('code') && !answer.has('error'))
    throw new AuthError('INVALID_REQUEST', { reason: 'no_answer' });
  const provider = await requireProvider(parts, name);
  const signedIn = await provider.finish(answer, secrets);
  const admitted = await admitIdentity(parts, req, { signedIn, linkTo });
  // The session that asked for it goes on as it is: what was added raises nothing.
  if (linkTo !== undefined) return redirectWithin(res, returnTo);
  const { user } = admitted;
  const delivery = mode === 'code' ? 'body' : 'cookie';
  const { acrValues } = secrets;
  const proof = { signedIn, admitted, delivery, acrValues } as const;
  const facts = await providerSessionFacts(parts, req, proof);
  if (mode === 'code') {
    const code = await codes.issue(res, { userId: user.id, ...facts }, codeChallenge);
    return redirectWithin(res, withParameters(returnTo, { auth_code: code }));
  }
  const begin = () => parts.sessions.startAfterSignIn(user, facts);
  const live = await completeSignIn(parts, { req, res }, { begin, provider: name });
  redirectSignedIn(parts, res, { live, returnTo });
}
