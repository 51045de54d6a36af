import { type Html, html } from '../../pages/html.js';
import type { PageIn } from '../../pages/pages.js';
import type { Words } from '../../pages/words.js';
import { type KeysFacts, keysSection } from './account-keys-section.js';
import { noticeBox } from './sign-in-page.js';

export interface AccountFacts {
  /** How the user is called here. */
  readonly user: string;
  readonly notice: string | undefined;
  readonly sessions: readonly SessionFacts[];
  /** Whether there are more sessions than those. */
  readonly hasMore: boolean;
  readonly email: string | undefined;
  readonly isEmailConfirmed: boolean;
  /** The page that changes the address; undefined where there is none. */
  readonly changeEmail: string | undefined;
  /** The page that changes the password; undefined where nobody has one. */
  readonly changePassword: string | undefined;
  readonly identities: readonly IdentityFacts[];
  /** Providers that can be added. */
  readonly addable: readonly { readonly label: string; readonly add: string }[];
  readonly orgs: readonly OrgFacts[];
  /** Where it goes on after adding one. */
  readonly here: string;
  /** Where the form goes that ends all others. */
  readonly endOthers: string;
  /** Undefined while they are off. */
  readonly keys: KeysFacts | undefined;
  readonly signOut: string;
  readonly home: string;
}

interface IdentityFacts {
  /** What the provider is called on its button. */
  readonly label: string;
  /** Where the form goes that removes it. */
  readonly remove: string;
}

interface OrgFacts {
  readonly name: string;
  readonly roles: readonly string[];
  /** Where the form goes that leaves it. */
  readonly leave: string;
}

interface SessionFacts {
  readonly device: string | undefined;
  /** Whether a support person acts in it. */
  readonly isSupport: boolean;
  readonly isCurrent: boolean;
  /** Seconds until now. */
  readonly begunAgo: number;
  readonly usedAgo: number;
  /** Where the form goes that ends it. */
  readonly end: string;
}

/** The page of a user's own account. */
export function accountPage(facts: AccountFacts): PageIn {
  const { user, notice, sessions, hasMore, endOthers, signOut, home } = facts;
  return (words) => {
    const title = words.say('account.title');
    return {
      title,
      isWide: true,
      body: html`<h1>${title}</h1>
        ${noticeBox(notice)}
        <p>${words.say('account.who', { user })}</p>
        <h2>${words.say('account.ways')}</h2>
        <ul class="rows">
          ${emailRow(words, facts)}${passwordRow(words, facts)}
          ${facts.identities.map((identity) => identityRow(words, identity))}
        </ul>
        ${facts.addable.map(
          ({ label, add }) =>
            html`<form method="post" action="${add}">
              <input type="hidden" name="returnTo" value="${facts.here}" />
              <button class="plain">${words.say('account.add', { provider: label })}</button>
            </form> `,
        )}
        ${orgRows(words, facts)}
        <h2 id="sessions">${words.say('account.sessions')}</h2>
        <ul class="rows">
          ${sessions.map((session) => sessionRow(words, session))}
        </ul>
        ${hasMore ? html`<p>${words.say('account.more')}</p>` : undefined}
        ${
          sessions.length > 1
            ? html`<form method="post" action="${endOthers}">
                <button class="plain">${words.say('account.endOthers')}</button>
              </form>`
            : undefined
        }
        ${facts.keys && keysSection(words, facts.keys)}
        <h2>${words.say('account.leave')}</h2>
        <a class="button plain" href="${signOut}">${words.say('signOut.submit')}</a>
        <a class="button plain" href="${home}">${words.say('page.home')}</a>`,
    };
  };
}

function emailRow(words: Words, { email, isEmailConfirmed, changeEmail }: AccountFacts): Html {
  const state = isEmailConfirmed ? 'account.emailConfirmed' : 'account.emailUnconfirmed';
  const value = email === undefined ? words.say('account.noEmail') : words.say(state, { email });
  return html`<li>
    <span>${words.say('account.email')} <span class="soft">${value}</span></span>
    ${
      changeEmail === undefined
        ? undefined
        : html`<a
            class="button plain"
            href="${changeEmail}"
            aria-label="${words.say('account.changeEmail')}"
            >${words.say('account.change')}</a
          >`
    }
  </li>`;
}

function passwordRow(words: Words, { changePassword }: AccountFacts): Html | undefined {
  if (changePassword === undefined) return undefined;
  return html`<li>
    <span>${words.say('account.password')}</span>
    <a class="button plain" href="${changePassword}" aria-label="${words.say('change.title')}"
      >${words.say('account.change')}</a
    >
  </li>`;
}

function identityRow(words: Words, { label, remove }: IdentityFacts): Html {
  return html`<li>
    <span>${label}</span>
    <form method="post" action="${remove}">
      <button
        class="plain"
        aria-label="${words.say('account.removeProvider', { provider: label })}"
      >
        ${words.say('account.remove')}
      </button>
    </form>
  </li>`;
}

function orgRows(words: Words, { orgs }: AccountFacts): Html | undefined {
  if (orgs.length === 0) return undefined;
  return html`<h2>${words.say('account.orgs')}</h2>
    <ul class="rows">
      ${orgs.map(
        ({ name, roles, leave }) =>
          html`<li>
            <span>${name} <span class="soft">${roles.join(', ')}</span></span>
            <form method="post" action="${leave}">
              <button class="plain" aria-label="${words.say('account.leaveThis', { org: name })}">
                ${words.say('account.leaveOrg')}
              </button>
            </form>
          </li>`,
      )}
    </ul>`;
}

function sessionRow(words: Words, session: SessionFacts): Html {
  const { isCurrent, isSupport, begunAgo, usedAgo, end } = session;
  const browser = deviceIn(words, session.device);
  const device = isSupport ? words.say('account.support', { device: browser }) : browser;
  return html`<li>
    <span
      >${isCurrent ? html`<strong>${device}</strong> (${words.say('account.current')})` : device}
      <span class="soft"
        >${words.say('account.used', {
          since: words.fromNow(-begunAgo),
          used: words.fromNow(-usedAgo),
        })}</span
      ></span
    >
    ${
      isCurrent
        ? undefined
        : html`<form method="post" action="${end}">
            <button class="plain" aria-label="${words.say('account.endThis', { device })}">
              ${words.say('account.end')}
            </button>
          </form>`
    }
  </li>`;
}

/** `Firefox on Linux` is noted in English. */
function deviceIn(words: Words, device: string | undefined): string {
  if (device === undefined) return words.say('account.unknownDevice');
  const [browser = '', system] = device.split(' on ');
  return system === undefined ? device : words.say('account.device', { browser, system });
}
