import type { AuthError } from '../errors.js';
import { html } from './html.js';
import type { PageIn } from './pages.js';
import type { Words } from './words.js';

interface RefusalFacts {
  /** Label of the provider that it is about. */
  readonly provider?: string | undefined;
  /** Whether there is no other way to sign in than the one it is about. @defaultValue `false` */
  readonly isOnlyWay?: boolean | undefined;
  /** Fewest characters of a new password. */
  readonly minLength?: number | undefined;
}

/** Says what happened and what to do next: by the first field that is wrong, by reason, then by code. */
export function refusalText(
  words: Words,
  { reason, code, problem, headers }: AuthError,
  { provider, isOnlyWay = false, minLength }: RefusalFacts = {},
): string {
  const facts = {
    provider: provider ?? words.say('error.provider.unnamed'),
    when: words.fromNow(Number(headers['Retry-After'] ?? 60)),
    ...(minLength !== undefined && { count: String(minLength) }),
  };
  const found = [problem.errors?.[0]?.code, reason, code].map(
    (word) =>
      (isOnlyWay ? words.find(`error.${word}.only`, facts) : undefined) ??
      words.find(`error.${word}`, facts),
  );
  return found.find((text) => text !== undefined) ?? problem.detail;
}

/** Where a reader can go from a refusal. All are paths on this origin. */
export interface WaysOn extends RefusalFacts {
  readonly home: string;
  /** The sign-in page, with `returnTo`. @defaultValue there is none that we know of */
  readonly signIn?: string | undefined;
  /** The page that changes a password, with `returnTo`. @defaultValue as above */
  readonly changePassword?: string | undefined;
  /** The page of the account, when it is about one of its buttons. @defaultValue it is not */
  readonly account?: string | undefined;
  /** This page again, when it was asked for by GET. @defaultValue it can't be asked for again */
  readonly again?: string | undefined;
}

/** Which pages of a router help against a refusal. */
export interface HelpfulPages {
  readonly signIn: boolean;
  readonly changePassword: boolean;
}

/** With neither a password nor a provider to sign in with, as where only machines call, the sign-in page leads nowhere. */
export function helpfulPages({
  passwordLogin,
  providers,
}: {
  readonly passwordLogin: boolean;
  /** Those that the sign-in page shows. */
  readonly providers: readonly unknown[];
}): HelpfulPages {
  return { signIn: passwordLogin || providers.length > 0, changePassword: passwordLogin };
}

/**
 * The router's route to sign in by after a refusal: as recently and strongly as it asks, or it would come again. A provider that
 * isn't asked says nothing of how old its sign-in is.
 */
export function signInRoute({ problem: { max_age: age, acr_values: acr } }: AuthError): string {
  if (age === undefined && acr === undefined) return '/signin?again=1';
  const wishes = new URLSearchParams({
    ...(age !== undefined && { max_age: String(age) }),
    ...(acr !== undefined && { acr_values: acr }),
  });
  return `/login?${wishes.toString()}`;
}

/** Shows a refusal in words, with the next step. Offers no choice of ways to sign in. */
export function refusalPage(error: AuthError, ways: WaysOn): PageIn {
  return (words) => {
    const title = titleOf(words, error.status);
    const first = firstStep(words, error, ways);
    return {
      title,
      isError: true,
      body: html`<h1>${title}</h1>
        <p>${refusalText(words, error, { isOnlyWay: true, ...ways })}</p>
        ${first && html`<a class="button" href="${first.href}">${first.text}</a> `}
        <a class="${first ? 'button plain' : 'button'}" href="${ways.home}"
          >${words.say('page.home')}</a
        >`,
    };
  };
}

function titleOf(words: Words, status: number): string {
  if (status >= 500) return words.say('error.title.503');
  return words.find(`error.title.${status}`) ?? words.say('error.title.400');
}

interface Step {
  readonly href: string;
  readonly text: string;
}

function firstStep(words: Words, { code, status }: AuthError, ways: WaysOn): Step | undefined {
  const { signIn, changePassword, account, again } = ways;
  if (code === 'PASSWORD_CHANGE_REQUIRED' && changePassword !== undefined)
    return { href: changePassword, text: words.say('page.changePassword') };
  if (HELPED_BY_SIGN_IN.has(code) || status === 401)
    return signIn === undefined ? undefined : { href: signIn, text: words.say('page.signIn') };
  if (account !== undefined) return { href: account, text: words.say('page.account') };
  if ((status === 429 || status >= 500) && again !== undefined)
    return { href: again, text: words.say('page.tryAgain') };
  return undefined;
}

const HELPED_BY_SIGN_IN: ReadonlySet<AuthError['code']> = new Set([
  'INSUFFICIENT_SCOPE',
  'INSUFFICIENT_ROLE',
  'ORG_FORBIDDEN',
  'LOGIN_DENIED',
]);
