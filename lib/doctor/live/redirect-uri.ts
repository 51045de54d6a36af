import type { AuthError } from '../../errors.js';
import type { Finding } from '../finding.js';
import { type Answer, isRedirect, redirectOf } from './ask.js';
import { fail, pass, warn } from './outcomes.js';

/** A client at a provider that is tried out. */
export interface TriedClient {
  /** Such as `the login provider "corp"`. */
  readonly name: string;
  /** What it has to know: `https://app.example.com/api/auth/callback`. */
  readonly redirectUri: string;
  /** The settings with client id and secret. */
  readonly settings: string;
}

const NO_LOGIN = 'users who want to sign in with it end on an error page';

/** Judges why a provider has refused a request of ours, by the fixed word that `providerError()` makes of its answer. */
export function judgeRefusal(
  { name, redirectUri, settings }: TriedClient,
  { reason = 'unreachable' }: Pick<AuthError, 'reason'>,
): Finding {
  if (reason === 'invalid_redirect_uri') return unregistered({ name, redirectUri });
  const words = refusals[reason] ?? {
    says: `refuses the request of a log-in (${reason})`,
    fix: `look into the log of the provider, and check ${settings}`,
  };
  const fix = words.fix.replace('{uri}', redirectUri).replace('{settings}', settings);
  const check = reason === 'invalid_request' ? 'live_redirect_uri' : 'live_login_client';
  return fail(check, { says: `${name} ${words.says}`, why: NO_LOGIN, fix });
}

const refusals: Readonly<Record<string, { readonly says: string; readonly fix: string }>> = {
  invalid_client: {
    says: "doesn't accept our client id and secret (invalid_client)",
    fix: 'check {settings}: both must be those of one client there, and the secret must not have expired',
  },
  unauthorized_client: {
    says: "doesn't let our client sign users in by code (unauthorized_client)",
    fix: 'switch the authorization code flow on for the client there',
  },
  invalid_scope: {
    says: "doesn't give our client the scopes of a log-in (invalid_scope)",
    fix: 'allow the client the scopes of AUTH_OIDC_…_SCOPE there, or ask for fewer',
  },
  invalid_request: {
    says: "doesn't take the request of a log-in (invalid_request), mostly because it doesn't know the redirect URI",
    fix: 'register {uri} there, character by character, and check {settings}',
  },
  timeout: {
    says: 'did not answer the request of a log-in in time',
    fix: 'try again, and look at its status page',
  },
  unreachable: {
    says: 'gives no usable answer to the request of a log-in',
    fix: 'look at the endpoints in its metadata, and whether this machine may connect there',
  },
};

function unregistered({ name, redirectUri }: Pick<TriedClient, 'name' | 'redirectUri'>): Finding {
  return fail('live_redirect_uri', {
    says: `${name} doesn't know the redirect URI ${redirectUri}`,
    why: NO_LOGIN,
    fix: `register ${redirectUri} there, character by character`,
  });
}

interface Announced {
  /** Whether its metadata say that each answer names the issuer (RFC 9207). */
  readonly namesIssuer: boolean;
}

/**
 * Judges the answer to an authorization request with `prompt=none` from a browser that is signed in nowhere. What is sent back to us has passed
 * the provider's check of client id and redirect URI (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6). Undefined where the
 * answer says nothing.
 */
export function judgeAuthorization(
  client: TriedClient,
  answer: Answer,
  announced: Announced,
): Finding | undefined {
  const { name, redirectUri } = client;
  const target = redirectOf(answer);
  if (target && isAt(target, redirectUri)) return judgeReturn(client, target, announced);
  if (isFormTo(redirectUri, answer)) return accepted(name);
  if (isRedirect(answer) && !target) return undefined;
  // On to its page for signing in: it has taken the request.
  if (target && !/error/i.test(`${target.pathname}${target.search}`)) return accepted(name);
  const how = target ? 'leads to an error page' : `answers with a page (${answer.status})`;
  return warn('live_redirect_uri', {
    says: `${name} ${how} instead of sending users back to ${redirectUri}`,
    why: `most likely it doesn't know the redirect URI or the client id, and ${NO_LOGIN}`,
    fix: `register ${redirectUri} there, character by character, and check ${client.settings}`,
  });
}

function accepted(name: string): Finding {
  return pass('live_redirect_uri', `${name} takes our client id and redirect URI`);
}

/** Words that a provider may only say because the user would have to do something. */
const NEEDS_USER = /^(?:login|interaction|consent|account_selection)_required$/;

function judgeReturn(client: TriedClient, target: URL, { namesIssuer }: Announced): Finding {
  const parameters = new URLSearchParams(target.search || target.hash.slice(1));
  const error = parameters.get('error');
  if (error !== null && !NEEDS_USER.test(error) && Object.hasOwn(refusals, error))
    return judgeRefusal(client, { reason: error });
  if (namesIssuer && !parameters.has('iss'))
    return fail('live_redirect_uri', {
      says: `${client.name} leaves the issuer out of its answers, although its metadata promise it`,
      why: 'an answer without it looks like that of another provider (RFC 9207), and every log-in is refused',
      fix: 'let it send iss: in Keycloak, switch "Exclude Issuer From Authentication Response" off for the client',
    });
  return accepted(client.name);
}

function isAt(target: URL, redirectUri: string): boolean {
  const { origin, pathname } = new URL(redirectUri);
  return target.origin === origin && target.pathname === pathname;
}

/** OAuth 2.0 Form Post Response Mode. */
function isFormTo(redirectUri: string, { status, text }: Answer): boolean {
  const plain = text.replaceAll(/&#x2f;/gi, '/').replaceAll(/&#x3a;/gi, ':');
  return (
    status === 200 &&
    [`action="${redirectUri}"`, `action='${redirectUri}'`].some((action) => plain.includes(action))
  );
}
