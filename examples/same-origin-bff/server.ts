import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAuth } from 'latchkey';
import { createApp } from './app.js';

// Configured by AUTH_* variables: see the README.
const auth = createAuth({ tokenScopes: () => ['data.read'] });
const server = createServer();
server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  server.on('request', createApp(auth, `http://127.0.0.1:${port}`));
  console.log(`Pages and API on http://localhost:${port}`);
});

process.once('SIGTERM', () => {
  server.close(() => void auth.close());
  server.closeIdleConnections();
});
