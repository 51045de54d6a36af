import { type Html, html } from '../../pages/html.js';
import type { PageIn } from '../../pages/pages.js';
import type { Words } from '../../pages/words.js';
import { errorBox, form } from './form.js';
import { providerIcon } from './provider-icon.js';

export interface SignInFacts {
  /** The form for a password: where it goes; undefined where nobody has one. */
  readonly password: PasswordForm | undefined;
  readonly providers: readonly ProviderLink[];
  /** What happened and what to do next. */
  readonly error?: string | undefined;
  /** What has been done before. */
  readonly notice?: string | undefined;
}

interface PasswordForm {
  readonly action: string;
  /** Has passed `safeReturnTo()`. */
  readonly returnTo: string;
  /** As typed before. */
  readonly username?: string | undefined;
  /** Whether the error is about what was typed. */
  readonly isWrong?: boolean;
  /** The page for a forgotten password; undefined where no mail can be sent. */
  readonly forgot?: string | undefined;
  /** The page for a new account; undefined where strangers may not make one. */
  readonly signUp?: string | undefined;
}

interface ProviderLink {
  readonly name: string;
  readonly label: string;
  readonly url: string;
}

/** The page to sign in on. Works without scripts. */
export function signInPage({ password, providers, error, notice }: SignInFacts): PageIn {
  return (words) => {
    const title = words.say('signIn.title');
    const isEither = password !== undefined && providers.length > 0;
    const isNeither = password === undefined && providers.length === 0;
    return {
      title,
      isError: error !== undefined,
      body: html`<h1>${title}</h1>
        ${noticeBox(notice)}${password ? passwordForm(words, password, error) : errorBox(error)}
        ${isEither ? html`<p class="or">${words.say('signIn.or')}</p>` : undefined}
        ${providers.map((provider) => providerButton(words, provider))}
        ${isNeither ? html`<p>${words.say('signIn.none')}</p>` : undefined}
        ${password && linksOf(words, password)}`,
    };
  };
}

/** Says what has been done. */
export function noticeBox(notice: string | undefined): Html | undefined {
  return notice === undefined ? undefined : html`<p class="notice" role="status">${notice}</p>`;
}

function passwordForm(
  words: Words,
  { action, returnTo, username, isWrong = false }: PasswordForm,
  error: string | undefined,
): Html {
  return form({
    action,
    hidden: { returnTo },
    fields: [
      {
        name: 'username',
        label: words.say('signIn.username'),
        value: username,
        autocomplete: 'username',
      },
      {
        name: 'password',
        label: words.say('signIn.password'),
        type: 'password',
        autocomplete: 'current-password',
      },
    ],
    submit: words.say('signIn.submit'),
    error,
    wrong: isWrong ? ['username', 'password'] : [],
  });
}

function providerButton(words: Words, provider: ProviderLink): Html {
  const { label, url } = provider;
  return html`<a class="button plain" href="${url}"
    >${providerIcon(provider)}<span>${words.say('signIn.provider', { provider: label })}</span></a
  > `;
}

function linksOf(words: Words, { forgot, signUp }: PasswordForm): Html | undefined {
  if (forgot === undefined && signUp === undefined) return undefined;
  return html`<p class="links">
    ${forgot === undefined ? undefined : html`<a href="${forgot}">${words.say('signIn.forgot')}</a> `}
    ${signUp === undefined ? undefined : html`<a href="${signUp}">${words.say('signIn.signUp')}</a>`}
  </p>`;
}
