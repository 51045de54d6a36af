import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AuthError } from 'latchkey';

/** An example that is ready to answer. */
interface Started {
  readonly app: RequestListener;
  /** What to try, printed once requests are answered. */
  readonly instructions: string;
  readonly close: () => Promise<void>;
}

/**
 * Starts an example on 127.0.0.1 at PORT, else 3000, and ends it gracefully on SIGINT and SIGTERM. `start` gets the origin that
 * browsers open.
 */
export function runExample(start: (origin: string) => Promise<Started>): void {
  const port = readPort(process.env.PORT);
  const server = createServer();
  server.on('error', (error) => stop(listenProblem(error, port)));
  server.listen(port, '127.0.0.1', () => {
    const { port: bound } = server.address() as AddressInfo;
    start(`http://localhost:${bound}`).then(
      ({ app, instructions, close }) => {
        server.on('request', app);
        endGracefully(() => {
          server.close(() => void close());
          server.closeIdleConnections();
          setTimeout(() => server.closeAllConnections(), 1000).unref();
        });
        console.log(instructions);
      },
      (error: Error) => stop(`The example cannot start:\n${reasonOf(error).message}`),
    );
  });
}

function endGracefully(end: () => void): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
}

function readPort(text = '3000'): number {
  if (/^\d{1,5}$/.test(text) && Number(text) <= 65_535) return Number(text);
  return stop(`PORT is a whole number from 0 to 65535, not ${JSON.stringify(text)}.`);
}

function listenProblem({ code, message }: NodeJS.ErrnoException, port: number): string {
  return code === 'EADDRINUSE'
    ? `Port ${port} is taken. Choose another one, such as PORT=${port + 1}.`
    : `Cannot listen on port ${port}: ${code ?? message}.`;
}

/** A refusal's own message is for clients, and says nothing of a store that doesn't answer. */
function reasonOf(error: Error): Error {
  return error instanceof AuthError && error.cause instanceof Error ? error.cause : error;
}

/** Ends with a sentence, where a stack would only hide it. */
function stop(reason: string): never {
  console.error(reason);
  process.exit(1);
}
