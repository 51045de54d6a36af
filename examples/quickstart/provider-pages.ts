import express, {
  type ErrorRequestHandler,
  type Request,
  type Response,
  type Router,
} from 'express';
import type { Provider } from 'oidc-provider';
import { html, type Html, page } from './page.js';

/** What a person gets to see of a provider, and what they send back. */
export interface ProviderPages {
  /** Asks for a name, and whether to pass it on. Comes before the provider's own routes. */
  routes(provider: Provider): Router;
  /** Path of the page for a step that the provider waits for. */
  pathOf(step: string): string;
  /** Options of the provider for pages that it shows by itself. */
  readonly signOut: {
    readonly logoutSource: (context: { body: string }, form: string) => void;
    readonly postLogoutSuccessSource: (context: { body: string }) => void;
  };
  readonly renderError: (context: { type: string; body: string }, error: ProviderError) => void;
}

interface ProviderError {
  readonly error: string;
  readonly error_description?: string;
}

/** The pages of a provider that is at a path of this machine, and lets everybody in under any name. */
export function providerPages(label: string, path: string): ProviderPages {
  const show = (title: string, body: Html): string => page(title, card(title, body), label);
  const pathOf = (step: string): string => `${path}/interaction/${step}`;
  return {
    pathOf,
    routes: (provider) => routesOf(provider, { show, pathOf }),
    signOut: {
      logoutSource(context, form) {
        context.body = show(
          `Sign out of ${label}, too?`,
          html`${{ html: form }}<button autofocus form="op.logoutForm" value="yes" name="logout">
              Sign out
            </button>
            <button class="plain" form="op.logoutForm">Stay signed in</button>`,
        );
      },
      postLogoutSuccessSource(context) {
        context.body = show('You are signed out', BACK);
      },
    },
    renderError(context, { error, error_description: description = '' }) {
      context.type = 'html';
      context.body = show(
        'That did not work',
        html`<p>${error}: ${description}</p>
          ${BACK}`,
      );
    },
  };
}

interface Surroundings extends Pick<ProviderPages, 'pathOf'> {
  readonly show: (title: string, body: Html) => string;
}

function routesOf(provider: Provider, { show, pathOf }: Surroundings): Router {
  const router = express.Router();
  router.use('/interaction', express.urlencoded({ extended: false }), (_req, res, next) => {
    res.set('Cache-Control', 'no-store');
    next();
  });

  router.get('/interaction/:step', async (req, res) => {
    const { prompt, params } = await provider.interactionDetails(req, res);
    const step = pathOf(req.params.step);
    const cancel = html`<a class="button plain" href="${step}/cancel">Cancel</a>`;
    const isLogin = prompt.name === 'login';
    const title = isLogin ? 'Sign in' : 'Share this with the quickstart?';
    const questions = isLogin ? nameFields(params.login_hint ?? '') : scopeList(prompt.details);
    res.type('html').send(
      show(
        title,
        html`<form class="step" method="post" action="${step}" autocomplete="off">
            <input type="hidden" name="prompt" value="${prompt.name}" />${questions}
            <button type="submit">Continue</button>
          </form>
          ${cancel}`,
      ),
    );
  });

  router.post('/interaction/:step', async (req, res) => {
    const { prompt } = await provider.interactionDetails(req, res);
    if (prompt.name === 'login') await finishLogin(provider, req, res);
    else await finishConsent(provider, req, res);
  });

  router.get('/interaction/:step/cancel', async (req, res) => {
    const result = { error: 'access_denied', error_description: 'cancelled by the user' };
    await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
  });

  // Express tells error handlers by their four parameters.
  // oxlint-disable-next-line max-params
  const expired: ErrorRequestHandler = (error: unknown, _req, res, next) => {
    if (res.headersSent || !isExpiry(error)) return next(error);
    res.status(400).send(
      show(
        'This step has expired',
        html`<p>Begin again.</p>
          ${BACK}`,
      ),
    );
  };
  return router.use('/interaction', expired);
}

/** The provider knows a step for ten minutes, and by a cookie. */
function isExpiry(error: unknown): boolean {
  return error instanceof Error && error.name === 'SessionNotFound';
}

async function finishLogin(provider: Provider, req: Request, res: Response): Promise<void> {
  const { login } = req.body as { readonly login?: unknown };
  const accountId = typeof login === 'string' ? login.trim() : '';
  // The form asks for it; a program may have sent nothing.
  if (accountId === '') return res.redirect(303, req.originalUrl);
  const result = { login: { accountId } };
  await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: false });
}

async function finishConsent(provider: Provider, req: Request, res: Response): Promise<void> {
  const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  const { missingOIDCScope = [], missingOIDCClaims = [] } = prompt.details;
  const known = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  const grant =
    known ?? new provider.Grant({ accountId: session?.accountId, clientId: params.client_id });
  grant.addOIDCScope(missingOIDCScope.join(' '));
  grant.addOIDCClaims(missingOIDCClaims);
  const result = { consent: { grantId: await grant.save() } };
  await provider.interactionFinished(req, res, result, { mergeWithLastSubmission: true });
}

function nameFields(hint: string): Html {
  return html`<p class="soft">This provider is on your machine, and takes any name and password.</p>
    <label for="login">Name</label>
    <input id="login" name="login" value="${hint}" required autofocus />
    <label for="password">Password</label>
    <input id="password" name="password" type="password" required />`;
}

/** Scopes that say something of a person. */
const MEANINGS: Readonly<Record<string, string>> = {
  email: 'your e-mail address',
  profile: 'your name',
};

function scopeList({ missingOIDCScope = [] }: { readonly missingOIDCScope?: readonly string[] }) {
  const facts = missingOIDCScope.flatMap((scope) => MEANINGS[scope] ?? []);
  const items = ['who you are', ...facts].map((fact) => html`<li>${fact}</li>`);
  return html`<p>It asks for:</p>
    <ul>
      ${items}
    </ul>`;
}

const BACK = html`<a class="button" href="/">Back to the quickstart</a>`;

function card(title: string, body: Html): Html {
  return html`<section class="narrow">
    <h1>${title}</h1>
    ${body}
  </section>`;
}
