import path from 'node:path';
import { createApp } from '../../examples/analytics-api/app.js';
import { createAnalyticsClient } from '../../examples/analytics-api/client.mjs';
import { addDemoUsers } from '../../examples/analytics-api/demo-users.js';
import { createProjectAuth } from '../../examples/analytics-api/project-auth.js';
import { loadProject } from '../../examples/analytics-api/project.js';
import { root } from '../package/build-package.js';
import { SECRET } from '../world/auth-server.js';
import { listen } from '../world/serve.js';

export const PROJECT = path.join(root, 'examples/analytics-api/project.yaml');

export type Environment = Readonly<Record<string, string>>;

/** The example on a port of its own, with its users where it signs users in. */
export async function startApi(env: Environment) {
  const server = await listen((req, res) => app(req, res));
  const { origin } = server;
  const variables = { AUTH_PUBLIC_URL: origin, AUTH_RATE_LIMIT: '1000/1s', ...env };
  const project = loadProject(PROJECT, variables);
  const auth = createProjectAuth(project, { env: variables, onWarning: () => undefined });
  const app = createApp(auth, project);
  const users = env['AUTH_JWKS_URL'] === undefined ? await addDemoUsers(auth) : [];
  const passwordOf = (name: string) => users.find(({ username }) => username === name)?.password;
  return {
    close: () => server.close(),
    origin,
    auth,
    base: `${origin}/api/v1`,
    passwordOf,
    signedIn: async (username: string) => {
      const client = createAnalyticsClient(`${origin}/api/v1`);
      await client.signIn(username, passwordOf(username) ?? '');
      return client;
    },
  };
}

export const DEVELOPMENT = { JWT_SECRET: SECRET };
