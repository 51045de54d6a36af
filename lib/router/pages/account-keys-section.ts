import { type Html, html } from '../../pages/html.js';
import type { PageIn } from '../../pages/pages.js';
import type { Words } from '../../pages/words.js';

/** A user's API keys, and what a new one may be. */
export interface KeysFacts {
  readonly keys: readonly KeyFacts[];
  /** Where the form goes that makes one. */
  readonly create: string;
  /** What the user can let a key do. */
  readonly scopes: readonly string[];
  /** How long a key may live, in seconds. */
  readonly lives: readonly number[];
  /** Whether a key may have no end. */
  readonly mayStay: boolean;
}

interface KeyFacts {
  readonly name: string;
  readonly prefix: string;
  readonly scopes: readonly string[];
  /** Seconds until now. */
  readonly madeAgo: number;
  readonly usedAgo: number | undefined;
  /** Seconds from now, negative for one that has expired. */
  readonly endsIn: number | undefined;
  /** Where the form goes that deletes it. */
  readonly remove: string;
}

/** The part of the account page that lists, makes and deletes API keys. */
export function keysSection(words: Words, { keys, ...facts }: KeysFacts): Html {
  return html`<h2 id="keys">${words.say('account.keys')}</h2>
    <p>${words.say('account.keysIntro')}</p>
    ${
      keys.length > 0
        ? html`<ul class="rows">
            ${keys.map((key) => keyRow(words, key))}
          </ul>`
        : undefined
    }
    ${createForm(words, facts)}`;
}

function keyRow(words: Words, key: KeyFacts): Html {
  const { name, prefix, scopes, remove } = key;
  const lines = [`${prefix}_…`, useOf(words, key), ...endOf(words, key)];
  if (scopes.length > 0) lines.push(words.say('account.keyScopes', { scopes: scopes.join(', ') }));
  return html`<li>
    <span>${name}${lines.map((line) => html`<span class="soft">${line}</span>`)}</span>
    <form method="post" action="${remove}">
      <button class="plain" aria-label="${words.say('account.deleteKey', { name })}">
        ${words.say('account.delete')}
      </button>
    </form>
  </li>`;
}

function useOf(words: Words, { madeAgo, usedAgo }: KeyFacts): string {
  const since = words.fromNow(-madeAgo);
  return usedAgo === undefined
    ? words.say('account.keyUnused', { since })
    : words.say('account.keyUsed', { since, used: words.fromNow(-usedAgo) });
}

function endOf(words: Words, { endsIn }: KeyFacts): readonly string[] {
  if (endsIn === undefined) return [];
  const text = endsIn > 0 ? 'account.keyExpires' : 'account.keyExpired';
  return [words.say(text, { when: words.fromNow(endsIn) })];
}

function createForm(
  words: Words,
  { create, scopes, lives, mayStay }: Omit<KeysFacts, 'keys'>,
): Html {
  return html`<form method="post" action="${create}">
    <label for="key-name">${words.say('account.keyName')}</label>
    <input
      id="key-name"
      name="name"
      autocomplete="off"
      required
      maxlength="100"
      aria-describedby="key-name-hint"
    />
    <p class="hint" id="key-name-hint">${words.say('account.keyNameHint')}</p>
    <label for="key-life">${words.say('account.keyLife')}</label>
    <select id="key-life" name="expires_in">
      ${lives.map((life) => html`<option value="${String(life)}">${words.length(life)}</option> `)}
      ${mayStay ? html`<option value="">${words.say('account.keyStays')}</option>` : undefined}
    </select>
    ${
      scopes.length > 0
        ? html`<fieldset>
            <legend>${words.say('account.keyMay')}</legend>
            ${scopes.map(
              (scope) =>
                html`<label class="check"
                  ><input type="checkbox" name="scopes" value="${scope}" />${scope}</label
                >`,
            )}
          </fieldset>`
        : undefined
    }
    <button type="submit">${words.say('account.createKey')}</button>
  </form>`;
}

/** The only page that shows a key. */
export function newKeyPage({ name, key, account }: NewKeyFacts): PageIn {
  return (words) => {
    const title = words.say('key.title');
    return {
      title,
      isWide: true,
      body: html`<h1>${title}</h1>
        <p class="notice" role="status">${words.say('key.copy', { name })}</p>
        <p><code class="key" id="key">${key}</code></p>
        <p>${words.say('key.use')}</p>
        <a class="button" href="${account}">${words.say('page.account')}</a>`,
    };
  };
}

interface NewKeyFacts {
  readonly name: string;
  /** Secret. */
  readonly key: string;
  /** The account page. */
  readonly account: string;
}
