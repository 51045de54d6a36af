import { createAuthClient, type AuthClientOptions } from 'latchkey/client';
import { PASSWORD } from '../world/auth-server.js';
import type { ClientApp } from './client-app.js';

/** A client by which alice has signed in. */
export async function signedIn(app: ClientApp, options: Partial<AuthClientOptions> = {}) {
  await app.addUser('alice');
  const client = createAuthClient({ baseUrl: `${app.origin}/api`, retryForMs: 25_000, ...options });
  await client.login({ username: 'alice', password: PASSWORD });
  return client;
}
