import express, { type Express } from 'express';
import { createAuth, type ErrorFormatter, optionalPrincipalOf, principalOf } from 'latchkey';

export interface Settings {
  /** What tokens are signed with, HS256: at least 32 bytes. */
  readonly secret: string;
  readonly issuer: string;
  readonly audience: string;
  readonly isRevoked: (tokenId: unknown) => boolean;
}

/** The same API, guarded by Latchkey. */
export function createApp({ secret, issuer, audience, isRevoked }: Settings): Express {
  const auth = createAuth({
    trustedIssuers: [{ issuer, audience, keys: { secret } }],
    isRevoked: ({ claims }) => isRevoked(claims['jti']),
  });
  const app = express();

  app.get('/health', (_req, res) => void res.json({ ok: true }));
  app.get('/articles', auth.optionalAuth(), (req, res) => {
    res.json({ articles: optionalPrincipalOf(req) ? ['published', 'draft'] : ['published'] });
  });
  // What was in `unless()` stands above this line.
  app.use(auth.requireAuth());
  app.get('/me', (req, res) => {
    const { id, email } = principalOf(req).user;
    res.json({ id, email });
  });
  app.delete('/articles/:id', auth.requireRoles('admin'), (_req, res) => {
    res.status(204).end();
  });

  app.use(auth.errorHandler({ format: asBefore }));
  return app;
}

/** The bodies that the clients of this API know. */
const asBefore: ErrorFormatter = ({ code, problem }) =>
  bodies[code] ?? { code: code.toLowerCase(), message: problem.detail };

const bodies: Readonly<Record<string, { code: string; message: string }>> = {
  CREDENTIALS_MISSING: {
    code: 'credentials_required',
    message: 'No authorization token was found',
  },
  INVALID_TOKEN: { code: 'invalid_token', message: 'invalid token' },
  TOKEN_EXPIRED: { code: 'invalid_token', message: 'jwt expired' },
  TOKEN_REVOKED: { code: 'revoked_token', message: 'The token has been revoked.' },
  INSUFFICIENT_ROLE: { code: 'forbidden', message: 'Administrators only' },
};
