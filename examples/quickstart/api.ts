import express, { type Express } from 'express';
import { type Auth, optionalPrincipalOf, orgOf } from 'latchkey';
import { homePage } from './home-page.js';
import type { MailFolder } from './mail-folder.js';
import { mailsPage } from './mails-page.js';
import { callOwnApi } from './own-api.js';
import { html, page } from './page.js';

/** Pages and an API whose users sign in at /api/auth, and whose routes stand behind different guards. */
export function createApi(auth: Auth, mails: MailFolder): Express {
  const api = express();
  api.use(auth.securityHeaders({ preset: 'web' }));
  api.use('/api/auth', auth.router({ sendMail: mails.sendMail }));

  api.get('/', auth.optionalAuth(), homePage);
  api.get('/mails', mailsPage(mails));
  api.get(
    '/reports',
    auth.requireAuth({ redirect: true }),
    auth.requireScopes('reports:read'),
    (_req, res) => void res.type('html').send(page('Reports', REPORTS)),
  );
  api.post(
    '/users/:id/temporary-password',
    auth.requireAuth(),
    auth.requireScopes('users:admin'),
    async (req, res) => {
      const id = encodeURIComponent(String(req.params['id']));
      const { status } = await callOwnApi(req, `/api/auth/users/${id}/reset-password`, 'POST');
      res.redirect(303, status === 202 ? '/mails' : '/');
    },
  );

  api.get('/api/hello', auth.optionalAuth(), (req, res) => {
    res.json({ hello: optionalPrincipalOf(req)?.user.username ?? 'stranger' });
  });
  api.get('/api/reports', auth.requireAuth(), auth.requireScopes('reports:read'), (_req, res) => {
    res.json(['annual', 'quarterly']);
  });

  api.use('/api/datasets', auth.requireAuth(), auth.orgContext());
  api.get('/api/datasets', (req, res) => {
    const { id, source } = orgOf(req);
    res.json({ org: id, chosenBy: source, datasets: ['sales', 'stock'] });
  });
  api.delete('/api/datasets/:name', auth.requireRoles('admin', { of: 'org' }), (_req, res) => {
    res.status(204).end();
  });

  api.use(auth.errorHandler({ html: true }));
  return api;
}

const REPORTS = html`<section class="wide">
  <h1>Reports</h1>
  <p>Annual, quarterly. This page takes the scope reports:read.</p>
</section>`;

/** The scopes of a user's access tokens. */
export function scopesOf({ roles }: { readonly roles: readonly string[] }): readonly string[] {
  return [
    ...(roles.includes('analyst') ? ['reports:read'] : []),
    ...(roles.includes('admin') ? ['users:admin'] : []),
  ];
}
