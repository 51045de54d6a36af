import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createApp } from './app.js';
import { addDemoUsers, type DemoUser } from './demo-users.js';
import { loadProject } from './project.js';
import { createProjectAuth } from './project-auth.js';

/** What somebody sets who wants more than a demonstration. */
const CONFIGURED_BY = [
  'JWT_SECRET',
  'AUTH_JWT_SECRET',
  'AUTH_JWT_PRIVATE_KEY',
  'AUTH_JWT_PRIVATE_KEY_FILE',
  'AUTH_JWKS_URL',
  'AUTH_STORE_URL',
];

const port = Number(process.env.PORT ?? 3000);
const server = createServer();
server.on('error', (error: NodeJS.ErrnoException) => {
  const isTaken = error.code === 'EADDRINUSE';
  fail(
    isTaken
      ? `Port ${port} is taken. Choose another one, such as PORT=${port + 1}.`
      : error.message,
  );
});
server.listen(port, '127.0.0.1', () => {
  start().catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));
});

async function start(): Promise<void> {
  const { port: bound } = server.address() as AddressInfo;
  const origin = `http://localhost:${bound}`;
  // With nothing set it is a demonstration, whose users end with it.
  const isDemo = !CONFIGURED_BY.some((name) => process.env[name]);
  const env = {
    ...process.env,
    AUTH_PUBLIC_URL: process.env['AUTH_PUBLIC_URL'] || origin,
    ...(isDemo && { JWT_SECRET: randomBytes(48).toString('base64') }),
  };
  const file = process.env['PROJECT_FILE'] ?? path.join(import.meta.dirname, 'project.yaml');
  const project = loadProject(file, env);
  const auth = createProjectAuth(project, { env });
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      server.close(() => void auth.close());
      server.closeIdleConnections();
    });
  const users = isDemo ? await addDemoUsers(auth) : [];
  server.on('request', createApp(auth, project));
  console.log(`Analytics API on ${origin}`);
  if (users.length > 0) console.log(instructions(`http://127.0.0.1:${bound}/api/v1`, users));
}

function instructions(api: string, users: readonly DemoUser[]): string {
  const [{ username, password } = { username: '', password: '' }] = users;
  const lines = users.map((user) => `  ${user.username.padEnd(6)}${user.password}  ${user.sees}`);
  return `
Its users, with their passwords and what they see:
${lines.join('\n')}

Sign in at the address above, or run the clients:

  ANALYTICS_USER=${username} ANALYTICS_PASSWORD=${password} python3 examples/analytics-api/client.py ${api}

Ctrl-C ends it, and its users with it.`;
}

function fail(reason: string): never {
  console.error(reason);
  process.exit(1);
}
