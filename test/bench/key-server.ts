import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How a key endpoint behaves, on good days and on the others. */
export type KeyServerMode = 'healthy' | '503' | 'reset' | 'hanging';

export interface KeyServer {
  readonly jwksUri: string;
  setMode(mode: KeyServerMode): void;
  publish(jwks: unknown): void;
  /** Requests received. */
  readonly fetches: number;
  close(): void;
}

export async function startKeyServer(jwks: unknown): Promise<KeyServer> {
  let [mode, published, fetches]: [KeyServerMode, unknown, number] = ['healthy', jwks, 0];
  const server = createServer((req, res) => {
    fetches += 1;
    if (mode === 'reset') req.socket.resetAndDestroy();
    else if (mode === '503') res.writeHead(503).end();
    else if (mode === 'healthy')
      res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(published));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    jwksUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    setMode: (next) => {
      mode = next;
    },
    publish: (next) => {
      published = next;
    },
    get fetches() {
      return fetches;
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
