import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import express from 'express';
import { createAuth } from 'latchkey';
import { createApi, scopesOf } from './api.js';
import { openDataFolder } from './data-folder.js';
import { addDemoUsers } from './demo-users.js';
import { instructions } from './instructions.js';
import { createLocalProvider } from './login-provider.js';
import { mailFolder } from './mail-folder.js';

const port = readPort(process.env.PORT);
const folder = process.env.QUICKSTART_DATA ?? path.join(import.meta.dirname, 'data');

const server = createServer();
server.on('error', (error) => stop(listenProblem(error)));
server.listen(port, '127.0.0.1', () => {
  start().catch((error: Error) => stop(`The quickstart cannot start: ${error.message}`));
});

async function start(): Promise<void> {
  const { port: bound } = server.address() as AddressInfo;
  const origin = `http://localhost:${bound}`;
  const data = openDataFolder(path.resolve(folder));
  const provider = await createLocalProvider(`${origin}/idp`, origin);
  const auth = createAuth({
    // Only what stands here counts. An application leaves `env` out and is configured by AUTH_* variables.
    env: {},
    publicUrl: origin,
    jwt: { secret: data.secret },
    store: { url: data.storeUrl },
    oidc: { default: provider.settings },
    // So that pages need no token.
    cookieSessions: true,
    tokenScopes: scopesOf,
    // Pasted lines come faster than people do.
    rateLimit: { max: 50, windowSeconds: 1 },
  });
  endGracefully(() => auth.close());
  const passwords = await addDemoUsers(auth);
  const app = express();
  app.use('/idp', provider.handle);
  app.use(createApi(auth, mailFolder(data.mails)));
  server.on('request', app);
  const api = `http://127.0.0.1:${bound}`;
  console.log(instructions({ api, origin, dataFolder: data.path, mails: data.mails, passwords }));
}

function endGracefully(close: () => Promise<void>): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      server.close(() => void close());
      server.closeIdleConnections();
      setTimeout(() => server.closeAllConnections(), 1000).unref();
    });
}

function readPort(text = '3000'): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  return stop(`PORT is a whole number from 0 to 65535, not ${JSON.stringify(text)}.`);
}

function listenProblem({ code, message }: NodeJS.ErrnoException): string {
  return code === 'EADDRINUSE'
    ? `Port ${port} is taken. Choose another one, such as PORT=${port + 1}.`
    : `Cannot listen on port ${port}: ${code ?? message}.`;
}

/** Ends with a sentence, where a stack would only hide it. */
function stop(reason: string): never {
  console.error(reason);
  process.exit(1);
}
