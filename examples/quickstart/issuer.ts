import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestIssuer, type TestIssuer } from 'latchkey/testing';

/** An identity provider in miniature: it signs tokens, and publishes its keys over HTTP on a free port. */
export async function startIssuer(): Promise<{ issuer: TestIssuer; server: Server }> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const issuer = await createTestIssuer({
    issuer: `http://127.0.0.1:${port}`,
    audience: 'https://api.example',
    algorithm: 'ES256',
  });
  server.on('request', issuer.handler);
  return { issuer, server };
}

/** Access tokens of the example's two users. */
export interface Tokens {
  readonly alice: string;
  readonly bob: string;
}

/** Alice has a scope and belongs to one organisation; Bob has no scope and belongs to two. */
export async function mintTokens(issuer: TestIssuer): Promise<Tokens> {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const alice = await issuer.mint({
    exp,
    sub: 'user-1',
    preferred_username: 'alice',
    scope: 'reports:read',
    orgs: [{ id: 'acme', roles: ['admin'] }],
  });
  const bob = await issuer.mint({
    exp,
    sub: 'user-2',
    preferred_username: 'bob',
    orgs: [
      { id: 'acme', roles: ['admin'] },
      { id: 'globex', roles: ['viewer'] },
    ],
  });
  return { alice, bob };
}
