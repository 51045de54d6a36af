import express, { type Express } from 'express';
import { type Auth, optionalPrincipalOf, orgOf, type SendMail } from 'latchkey';
import { homePage } from './home-page.js';

/** Pages and an API whose users sign in at /api/auth, and whose routes stand behind different guards. */
export function createApi(auth: Auth, sendMail: SendMail): Express {
  const api = express();
  api.use(auth.securityHeaders());
  api.use('/api/auth', auth.router({ sendMail }));

  api.get('/', auth.requireAuth({ redirect: true }), homePage);
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

  api.use(auth.errorHandler());
  return api;
}

/** The scopes of a user's access tokens. */
export function scopesOf({ roles }: { readonly roles: readonly string[] }): readonly string[] {
  return [
    ...(roles.includes('analyst') ? ['reports:read'] : []),
    ...(roles.includes('admin') ? ['users:admin'] : []),
  ];
}
