import express, { type Express } from 'express';
import { createAuth } from 'latchkey';

export interface ApiOptions {
  /** `iss` of the tokens we accept. */
  readonly issuer: string;
  /** `aud` of the tokens we accept: ourselves. */
  readonly audience: string;
  /** Where the issuer publishes its keys. */
  readonly jwksUri: string;
}

/** An API whose routes stand behind different guards. */
export function createApi({ issuer, audience, jwksUri }: ApiOptions): Express {
  const auth = createAuth({
    // Only what stands here counts. An application leaves `env` out and is configured by AUTH_* variables.
    env: {},
    jwt: { issuer, audience: [audience], jwksUrl: jwksUri },
  });
  const api = express();
  api.use(auth.securityHeaders());

  api.get('/hello', auth.optionalAuth(), (req, res) => {
    res.json({ hello: req.auth ? req.auth.user.username : 'stranger' });
  });
  api.get('/me', auth.requireAuth(), (req, res) => {
    res.json(req.auth.user);
  });
  api.get('/reports', auth.requireAuth(), auth.requireScopes('reports:read'), (_req, res) => {
    res.json(['annual', 'quarterly']);
  });

  api.use('/datasets', auth.requireAuth(), auth.orgContext());
  api.get('/datasets', (req, res) => {
    res.json({ org: req.org.id, chosenBy: req.org.source, datasets: ['sales', 'stock'] });
  });
  api.delete('/datasets/:name', auth.requireRoles('admin', { of: 'org' }), (_req, res) => {
    res.status(204).end();
  });

  api.use(auth.errorHandler());
  return api;
}
