import { type Html, html } from '../../pages/html.js';

interface Field {
  readonly name: string;
  readonly label: string;
  /** @defaultValue `'text'` */
  readonly type?: 'text' | 'email' | 'password';
  readonly value?: string | undefined;
  /** What browsers may fill in (HTML, autofill detail tokens). */
  readonly autocomplete: string;
  /** What to know before typing. */
  readonly hint?: string | undefined;
}

export interface FormFacts {
  /** Where the form goes. */
  readonly action: string;
  /** What goes along unseen. */
  readonly hidden?: Readonly<Record<string, string>>;
  readonly fields: readonly Field[];
  /** What may be ticked; its value is then `on`. */
  readonly checks?: readonly { readonly name: string; readonly label: string }[];
  /** Whose password it is, for password managers. */
  readonly login?: string | undefined;
  readonly submit: string;
  /** What happened and what to do next. */
  readonly error?: string | undefined;
  /** Names of the fields that the error is about. */
  readonly wrong?: readonly string[];
}

/** What went wrong, in a box that screen readers say first. Fields refer to it. */
export function errorBox(error: string | undefined): Html | undefined {
  return error === undefined
    ? undefined
    : html`<p class="error" role="alert" id="error">${error}</p>`;
}

/** A form with its error above. The first empty field has the focus, better one that is wrong. */
export function form(facts: FormFacts): Html {
  const { action, hidden = {}, fields, checks = [], login, submit, error, wrong = [] } = facts;
  const empty = fields.filter(({ value = '' }) => value === '');
  const focused = empty.find(({ name }) => wrong.includes(name)) ?? empty[0];
  return html`${errorBox(error)}
    <form method="post" action="${action}">
      ${Object.entries(hidden).map(
        ([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`,
      )}
      ${
        login === undefined
          ? undefined
          : html`<input name="login" value="${login}" autocomplete="username" hidden readonly />`
      }
      ${fields.map((field) =>
        inputOf(field, { isWrong: wrong.includes(field.name), isFocused: field === focused }),
      )}
      ${checks.map(
        ({ name, label }) =>
          html`<label class="check"><input type="checkbox" name="${name}" />${label}</label>`,
      )}
      <button type="submit">${submit}</button>
    </form>`;
}

interface FieldState {
  readonly isWrong: boolean;
  readonly isFocused: boolean;
}

function inputOf(field: Field, { isWrong, isFocused }: FieldState): Html {
  const { name, label, type = 'text', value = '', autocomplete, hint } = field;
  const describedBy = [isWrong && 'error', hint !== undefined && `${name}-hint`].filter(Boolean);
  return html`<label for="${name}">${label}</label>
    <input
      id="${name}"
      name="${name}"
      type="${type}"
      value="${value}"
      autocomplete="${autocomplete}"
      ${type === 'password' ? undefined : html`autocapitalize="none" spellcheck="false"`}
      required
      maxlength="${type === 'password' ? '4096' : '254'}"
      ${isWrong ? html`aria-invalid="true"` : undefined}
      ${describedBy.length > 0 ? html`aria-describedby="${describedBy.join(' ')}"` : undefined}
      ${isFocused ? html`autofocus` : undefined}
    />
    ${hint === undefined ? undefined : html`<p class="hint" id="${name}-hint">${hint}</p>`} `;
}
