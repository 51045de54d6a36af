import express, { type RequestHandler } from 'express';
import {
  type AuthOptions,
  createAuth,
  optionalPrincipalOf,
  type ProtectedResource,
} from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { serve } from './serve.js';

const publicUrl = 'https://api.example.com';
/** Where the metadata of `/mcp` is. */
export const METADATA = 'https://api.example.com/.well-known/oauth-protected-resource/mcp';

/** An application that trusts one issuer. */
export async function createResourceWorld(options: AuthOptions = {}) {
  const issuer = await createTestIssuer({ algorithm: 'ES256', issuer: 'https://id.example.com' });
  const auth = createAuth({
    env: {},
    onWarning: () => undefined,
    publicUrl,
    trustedIssuers: [issuer.policy],
    ...options,
  });
  return { issuer, auth };
}

/** The application with its metadata, and a route behind each list of guards. */
export async function serveResource(
  resource: ProtectedResource,
  routes: Readonly<Record<string, readonly RequestHandler[]>> = {},
) {
  const app = express();
  app.use(resource.metadata());
  for (const [path, guards] of Object.entries(routes))
    app.all(path, ...guards, (req, res) => res.json(optionalPrincipalOf(req)?.subject ?? null));
  const { origin } = await serve(app);
  const { pathname } = new URL(resource.metadataUrl);
  return {
    send: (
      path: string,
      token?: string,
      init: { method?: string; headers?: Record<string, string> } = {},
    ) =>
      fetch(`${origin}${path}`, {
        ...init,
        headers: { ...init.headers, ...(token && { authorization: `Bearer ${token}` }) },
      }),
    metadata: async () => (await fetch(`${origin}${pathname}`)).json(),
    pathname,
  };
}
