import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAuth } from 'latchkey';
import { createApi } from './api.js';

// Configured by AUTH_* variables or a file that AUTH_CONFIG_FILE names.
const auth = createAuth({
  // The clients that were here before read `session_id`.
  tokenClaims: (_user, session) => ({ session_id: session.id }),
});
const server = createServer(createApi(auth));
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  console.log(`Analytics API on http://127.0.0.1:${port}`);
});

process.once('SIGTERM', () => {
  server.close(() => void auth.close());
  server.closeIdleConnections();
});
