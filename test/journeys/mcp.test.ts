import path from 'node:path';
import {
  type OAuthClientProvider,
  UnauthorizedError,
} from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { OAuthTokens } from '@modelcontextprotocol/sdk/shared/auth.js';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest';
import { buildPackage } from '../package/build-package.js';
import { startExample } from '../package/example-server.js';
import { findBlock, readReadmes } from '../package/readmes.js';
import { createScratchProject, type ScratchProject } from '../package/scratch-project.js';
import { stop } from '../package/start-script.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { signInAt } from '../world/login-provider.js';
import { startMcpAuthorizationServer } from '../world/mcp-authorization-server.js';
import { freePort } from '../world/free-port.js';

// Processes start slowly on a busy machine.
vi.setConfig({ testTimeout: 60_000 });

const REDIRECT_URI = 'http://127.0.0.1:4999/callback';

let project: ScratchProject;
beforeAll(async () => {
  await buildPackage();
  project = await createScratchProject(['express', '@modelcontextprotocol/sdk', 'zod']);
}, 120_000);
afterAll(() => project.remove());

/** The server of the README, an authorization server for it, and a client that knows nothing but the server's URL and its own name. */
async function createWorld() {
  const readmes = await readReadmes();
  const readme = readmes.find(({ file }) => file === path.join('lib', 'middleware', 'README.md'));
  const { code } = findBlock(readme, 'An MCP server', 'ts');
  const authorizationServer = await startMcpAuthorizationServer({
    redirectUri: REDIRECT_URI,
    scope: 'notes:read notes:write',
  });
  const port = await freePort();
  const { script, origin } = await startExample(project, code, {
    PORT: String(port),
    AUTH_PUBLIC_URL: `http://localhost:${port}`,
    AUTH_JWT_ISSUER: authorizationServer.issuer,
    AUTH_JWKS_URL: authorizationServer.jwksUri,
  });
  onTestFinished(() => void stop(script));
  const url = `${origin}/mcp`;
  const user = createUser(authorizationServer);
  const connect = async (): Promise<Client> => {
    const client = new Client({ name: 'journey', version: '1.0.0' });
    onTestFinished(() => client.close());
    await client.connect(transportTo(url, user.provider));
    return client;
  };
  return { url, user, connect };
}

function transportTo(url: string, authProvider: OAuthClientProvider) {
  return new StreamableHTTPClientTransport(new URL(url), { authProvider });
}

/** What a client of the SDK keeps for its user, and a browser in which the user signs in and consents. */
function createUser({ issuer, clientId }: { readonly issuer: string; readonly clientId: string }) {
  const browser = createHttpBrowser();
  const asked: URL[] = [];
  let tokens: OAuthTokens | undefined;
  let verifier = '';
  const provider: OAuthClientProvider = {
    redirectUrl: REDIRECT_URI,
    clientMetadata: { redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'none' },
    clientInformation: () => ({ client_id: clientId, issuer }),
    tokens: () => tokens,
    saveTokens: (saved) => void (tokens = saved),
    redirectToAuthorization: (url) => void asked.push(url),
    saveCodeVerifier: (saved) => void (verifier = saved),
    codeVerifier: () => verifier,
  };
  return {
    provider,
    /** Every address that the client has sent its user to. */
    asked,
    token: () => tokens?.access_token ?? '',
    /** Signs in and consents at the last of them, and hands the client its code. */
    async agree(url: string): Promise<void> {
      const back = await signInAt(browser, asked.at(-1)?.href ?? '', {
        login: 'alice',
        until: ({ href }) => href.startsWith(REDIRECT_URI),
      });
      const code = new URL(back.url).searchParams.get('code') ?? '';
      await transportTo(url, provider).finishAuth(code);
    },
  };
}

it('a client of the official SDK finds out where to get a token, calls a tool, and gets more scopes for another one', async () => {
  const { url, user, connect } = await createWorld();

  await expect(connect()).rejects.toThrow(UnauthorizedError);
  const [first] = user.asked;
  expect(Object.fromEntries(first?.searchParams ?? [])).toMatchObject({
    ...{ resource: url, scope: 'notes:read' },
    ...{ response_type: 'code', code_challenge_method: 'S256' },
  });
  await user.agree(url);
  expect(decodeJwt(user.token())).toMatchObject({ aud: url, scope: 'notes:read', sub: 'alice' });

  const client = await connect();
  const { tools } = await client.listTools();
  expect(tools.map(({ name }) => name)).toEqual(['list_notes', 'add_note']);
  expect(await client.callTool({ name: 'list_notes' })).toMatchObject({
    content: [{ type: 'text', text: 'buy milk' }],
  });

  const add = () => client.callTool({ name: 'add_note', arguments: { text: 'call Bob' } });
  await expect(add()).rejects.toThrow(UnauthorizedError);
  expect(user.asked.at(-1)?.searchParams.get('scope')).toBe('notes:read notes:write');
  await user.agree(url);
  expect(await add()).toMatchObject({ content: [{ type: 'text', text: 'added' }] });
  expect(await client.callTool({ name: 'list_notes' })).toMatchObject({
    content: [{ text: 'buy milk' }, { text: 'call Bob (by alice)' }],
  });
  expect(user.asked).toHaveLength(2);
});

it('a message that hides the call of a tool among others needs the scopes of that tool', async () => {
  const { url, user, connect } = await createWorld();
  await expect(connect()).rejects.toThrow(UnauthorizedError);
  await user.agree(url);
  const call = (name: string, id: number) => ({
    ...{ jsonrpc: '2.0', id, method: 'tools/call' },
    params: { name, arguments: { text: 'x' } },
  });
  const send = (body: unknown, type = 'application/json') =>
    fetch(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${user.token()}`,
        'content-type': type,
        accept: 'application/json, text/event-stream',
      },
      body: JSON.stringify(body),
    });
  const list = call('list_notes', 1);
  const add = call('add_note', 2);
  expect((await send(list)).status).toBe(200);
  // Earlier releases of the SDK read a body that the parser had left alone if its type had `application/json` anywhere.
  const refusals = [
    await send(add),
    await send(call('unknown', 2)),
    await send([list, add]),
    await send(add, 'text/plain; application/json'),
    await send(add, 'application/json+x'),
  ];
  for (const response of refusals) {
    expect(response.status).toBe(403);
    expect(response.headers.get('www-authenticate')).toContain('scope="notes:read notes:write"');
  }
  expect((await send([[add]])).status).toBe(400);
  const notes = (await (await send(list)).json()) as { result: { content: unknown[] } };
  expect(notes.result.content).toHaveLength(1);
});
