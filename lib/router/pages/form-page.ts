import type { Request } from 'express';
import type { z } from 'zod';
import { AuthError } from '../../errors.js';
import { html } from '../../pages/html.js';
import type { PageIn } from '../../pages/pages.js';
import { refusalText } from '../../pages/refusal-page.js';
import type { TextKey } from '../../pages/texts/texts.js';
import type { Words } from '../../pages/words.js';
import { type FormFacts, form } from './form.js';
import { readPageForm } from './read-page-form.js';
import { type Exchange, isForm } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

/** A page that is one form. */
interface FormPageFacts extends Omit<FormFacts, 'error' | 'wrong'> {
  readonly title: string;
  /** What the form is for. */
  readonly intro?: string | undefined;
  /** Ways on without the form. */
  readonly links?: readonly { readonly href: string; readonly text: string }[];
  /** Whether the address of the page holds a token. */
  readonly hasSecretAddress?: boolean;
}

export type FormPageIn = (words: Words) => FormPageFacts;

interface FormRefusal {
  readonly error: AuthError;
  readonly minLength: number;
  /** What to say of a wrong password. */
  readonly wrongPassword?: TextKey | undefined;
}

export function formPage(factsIn: FormPageIn, refusal?: FormRefusal): PageIn {
  return (words) => {
    const { title, intro, links = [], hasSecretAddress = false, ...facts } = factsIn(words);
    const names = facts.fields.map(({ name }) => name);
    const wrong = refusal ? wrongFields(refusal.error).filter((name) => names.includes(name)) : [];
    const error = refusal && textOf(words, refusal);
    return {
      title,
      isError: refusal !== undefined,
      hasSecretAddress,
      body: html`<h1>${title}</h1>
        ${intro === undefined ? undefined : html`<p>${intro}</p>`}
        ${form({ ...facts, error, wrong })}
        ${
          links.length > 0
            ? html`<p class="links">
                ${links.map(({ href, text }) => html`<a href="${href}">${text}</a> `)}
              </p>`
            : undefined
        }`,
    };
  };
}

/** Fields are named like the members of the JSON API. */
function wrongFields({ code, problem }: AuthError): readonly string[] {
  if (code === 'INVALID_CREDENTIALS') return ['old_password', 'password'];
  return (problem.errors ?? []).map(({ pointer }) => pointer.slice(2));
}

function textOf(words: Words, { error, minLength, wrongPassword }: FormRefusal): string {
  if (error.code === 'INVALID_CREDENTIALS' && wrongPassword) return words.say(wrongPassword);
  return refusalText(words, error, { minLength });
}

interface FormOptions<Body> {
  readonly schema: z.ZodType<Body>;
  /** Does what the form is for, and redirects. */
  readonly submit: (exchange: Exchange, body: Body) => Promise<void>;
  /** The page again, with what was typed but the passwords. */
  readonly page: (req: Request, body: Body) => FormPageIn;
  readonly wrongPassword?: TextKey;
}

/** Takes a form of ours. Shows the page again for what its reader can mend there; other refusals are pages of their own. */
export function submitForm<Body>(parts: RouterParts, options: FormOptions<Body>): Endpoint {
  const { schema, submit, page, wrongPassword } = options;
  const { pages, passwords } = parts;
  return async function handleSubmitForm(req, res) {
    const body = await readPageForm(parts, { req, res }, schema);
    try {
      await submit({ req, res }, body);
    } catch (error) {
      if (!(error instanceof AuthError) || !isForForm(error)) throw error;
      for (const [name, value] of Object.entries(error.headers)) res.setHeader(name, value);
      const { minLength } = passwords;
      pages.send(res, error.status, formPage(page(req, body), { error, minLength, wrongPassword }));
    }
  };
}

function isForForm({ code, status }: AuthError): boolean {
  return status === 401 ? code === 'INVALID_CREDENTIALS' : status !== 403;
}

/** One path for both: a form of ours, and the JSON of the API. */
export function byBody(forForm: Endpoint, forJson: Endpoint): Endpoint {
  return (req, res) => (isForm(req) ? forForm : forJson)(req, res);
}
