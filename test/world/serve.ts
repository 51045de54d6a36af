import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onWorldEnd } from './shared-world.js';

export interface Served {
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves on a free loopback port until the test that asked for it has finished, or the last of those that share it. */
export async function serve(listener: RequestListener): Promise<Served> {
  const served = await listen(listener);
  onWorldEnd(() => served.close());
  return served;
}

/** Serves on a free loopback port until it is closed. */
export async function listen(listener: RequestListener, port = 0): Promise<Served> {
  const server = createServer(listener).listen(port, '127.0.0.1');
  // Node closes a connection that was idle for five seconds. A client that was paused meanwhile sends its next request on it, in vain.
  server.keepAliveTimeout = 0;
  await once(server, 'listening');
  const { port: bound } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${bound}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
