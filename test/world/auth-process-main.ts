// An application of its own process, for tests of several instances and of sudden ends.
import { createServer } from 'node:http';
import express from 'express';
import { createAuth } from 'latchkey';

const auth = createAuth({
  publicUrl: 'http://localhost:3000',
  rateLimit: { max: 1_000_000, windowSeconds: 60 },
  loginLimit: { max: 1_000_000, windowSeconds: 60 },
  // A client whose instance was killed must find another one within the grace, and machines of tests may be slow.
  sessions: { graceSeconds: Number(process.env.GRACE_SECONDS), revocationLagSeconds: 1 },
  passwords: { maxQueuedHashes: 10_000 },
});
const app = express();
app.use('/api/auth', auth.router());
app.get('/api/me', auth.requireAuth(), (req, res) => res.json(req.auth));
app.use(auth.errorHandler());
const server = createServer(app);
server.keepAliveTimeout = 0;
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  const address = server.address();
  console.log(`port ${typeof address === 'object' ? address?.port : ''}`);
});
process.once('SIGTERM', () => {
  server.close();
  server.closeAllConnections();
  void auth.close();
});
