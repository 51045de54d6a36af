import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { runExample } from '../run-example.js';
import { createApp } from './app.js';
import { addDemoUsers, type DemoUser } from './demo-users.js';
import { loadProject } from './project.js';
import { createProjectAuth } from './project-auth.js';

/** What makes more of it than a demonstration. */
const CONFIGURED_BY = [
  'JWT_SECRET',
  'AUTH_JWT_SECRET',
  'AUTH_JWT_PRIVATE_KEY',
  'AUTH_JWT_PRIVATE_KEY_FILE',
  'AUTH_JWKS_URL',
  'AUTH_STORE_URL',
];

runExample(async (origin) => {
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
  const users = isDemo ? await addDemoUsers(auth) : [];
  return {
    app: createApp(auth, project),
    instructions: instructions(origin, users),
    close: () => auth.close(),
  };
});

function instructions(origin: string, users: readonly DemoUser[]): string {
  const [first] = users;
  if (!first) return `Analytics API on ${origin}/api/v1. Ctrl-C ends it.`;
  const lines = users.map((user) => `  ${user.username.padEnd(6)}${user.password}  ${user.sees}`);
  return `
Open ${origin}/ and sign in. Ctrl-C ends it, and its users with it.

${lines.join('\n')}

For the lines of the README, in another terminal:

export API=${origin.replace('localhost', '127.0.0.1')}/api/v1
export ANALYTICS_USER=${first.username} ANALYTICS_PASSWORD='${first.password}'
`;
}
