import type { RequestHandler } from 'express';
import {
  AuthError,
  createVerifier,
  errorHandler,
  optionalAuth,
  orgContext,
  requireAnyScope,
  requireAuth,
  requireAuthContext,
  requireRoles,
  requireScopes,
  sameOrigin,
  type Verifier,
} from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { expressVersions } from '../world/express-versions.js';
import { serve } from '../world/serve.js';

interface Case {
  readonly title: string;
  readonly guard: (verifier: Verifier) => RequestHandler;
  readonly status: number;
  readonly code: string;
  /** Whether the request carries a token, and has passed `requireAuth()`. */
  readonly known?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

const missing = { status: 401, code: 'CREDENTIALS_MISSING' };
const cases: readonly Case[] = [
  { title: 'requireAuth()', guard: requireAuth, ...missing },
  {
    title: 'requireAuth() with an empty credential',
    guard: requireAuth,
    status: 401,
    code: 'INVALID_TOKEN',
    headers: { authorization: 'Bearer ' },
  },
  {
    title: 'optionalAuth() with a bad token',
    guard: optionalAuth,
    status: 401,
    code: 'INVALID_TOKEN',
    headers: { authorization: 'Bearer x' },
  },
  { title: 'requireScopes() without a caller', guard: () => requireScopes('a'), ...missing },
  { title: 'requireAnyScope() without a caller', guard: () => requireAnyScope('a'), ...missing },
  { title: 'requireRoles() without a caller', guard: () => requireRoles('a'), ...missing },
  { title: 'orgContext() without a caller', guard: () => orgContext(), ...missing },
  {
    title: 'requireAuthContext() without a caller',
    guard: () => requireAuthContext({ maxAgeSeconds: 60 }),
    ...missing,
  },
  {
    title: 'requireScopes() with too few',
    guard: () => requireScopes('a'),
    status: 403,
    code: 'INSUFFICIENT_SCOPE',
    known: true,
  },
  {
    title: 'requireRoles() with too few',
    guard: () => requireRoles('a'),
    status: 403,
    code: 'INSUFFICIENT_ROLE',
    known: true,
  },
  {
    title: 'requireRoles() of an organisation that was not chosen',
    guard: () => requireRoles('a', { of: 'org' }),
    status: 400,
    code: 'ORG_REQUIRED',
    known: true,
  },
  {
    title: 'requireAuthContext() with too little',
    guard: () => requireAuthContext({ acrValues: ['mfa'] }),
    status: 401,
    code: 'AUTH_CONTEXT_REQUIRED',
    known: true,
  },
  {
    title: 'orgContext() with another organisation',
    guard: () => orgContext(),
    status: 403,
    code: 'ORG_FORBIDDEN',
    known: true,
    headers: { 'x-org-id': 'other' },
  },
  {
    title: 'orgContext() with a malformed organisation',
    guard: () => orgContext(),
    status: 400,
    code: 'INVALID_REQUEST',
    known: true,
    headers: { 'x-org-id': 'a,b' },
  },
  {
    title: 'orgContext() whose look-up throws',
    guard: () =>
      orgContext({
        resolve: () => {
          throw new Error('down');
        },
      }),
    status: 503,
    code: 'STORE_UNAVAILABLE',
    known: true,
    headers: { 'x-org-id': 'other' },
  },
  {
    title: 'sameOrigin() for another site',
    guard: () => sameOrigin(),
    status: 403,
    code: 'CROSS_SITE_REQUEST',
    headers: { origin: 'https://evil.example' },
  },
];

// A throw there is a rejection that no one handles: on Express 4 the end of the process.
describe.each(expressVersions)('guards inside async code under $name', ({ express }) => {
  it.each(cases)(
    '$title refuses with $status by next(error)',
    async ({ guard, status, code, known = false, headers = {} }) => {
      const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt' });
      const verifier = createVerifier({ issuers: issuer.policy });
      const wrapped = guard(verifier);
      const app = express();
      if (known) app.use(requireAuth(verifier));
      app.post('/', async (req, res, next) => {
        await Promise.resolve();
        void wrapped(req, res, next);
      });
      app.use(errorHandler());
      const { origin } = await serve(app);
      const response = await fetch(origin, {
        method: 'POST',
        headers: { ...(known && { authorization: `Bearer ${await issuer.mint()}` }), ...headers },
      });
      expect(response.status).toBe(status);
      expect(await response.json()).toMatchObject({ code });
    },
  );
});

it.each(['CREDENTIALS_MISSING', 'INSUFFICIENT_SCOPE', 'RATE_LIMITED', 'KEYS_UNAVAILABLE'] as const)(
  'an AuthError says its status by the name that other frameworks read, too: %s',
  (code) => {
    const { status, statusCode } = new AuthError(code);
    expect(statusCode).toBe(status);
  },
);
