import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { openDataFolder } from './data-folder.js';
import { addDemoUsers } from './demo-users.js';
import { instructions } from './instructions.js';
import { createQuickstart } from './quickstart.js';

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
  const { app, auth } = await createQuickstart(origin, data);
  endGracefully(() => auth.close());
  const passwords = await addDemoUsers(auth);
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
