import { randomBytes } from 'node:crypto';
import express, { type Express } from 'express';
import { type Auth, type AuthOptions, createAuth } from 'latchkey';
import { createApp } from '../app.js';
import { createProjects } from '../projects.js';
import { addDemoData, demoAccounts } from './data.js';
import { createGithubStandIn, PATH } from './github-stand-in.js';

interface Demo {
  readonly app: Express;
  readonly auth: Auth;
  /** Whether there is no client id for GitHub, so that a stand-in takes its place. */
  readonly isStandIn: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The application with some projects in it, and with a stand-in for GitHub unless `env` has a client id. */
export async function createDemo(
  origin: string,
  env: Environment,
  options: AuthOptions = {},
): Promise<Demo> {
  const isStandIn = !env['AUTH_GITHUB_CLIENT_ID'];
  if (isStandIn && env['NODE_ENV'] === 'production')
    throw new Error('set AUTH_GITHUB_CLIENT_ID: the stand-in for GitHub lets everybody in');
  const github = createGithubStandIn(env['AUTH_PUBLIC_URL'] ?? origin, demoAccounts);
  const auth = createAuth({
    env: { ...settings(origin), ...env },
    ...(isStandIn && {
      github: { ...github.settings, trustEmail: true },
      providerFetch: github.fetch,
    }),
    ...options,
  });
  const projects = createProjects();
  await addDemoData(auth, projects);

  const app = express();
  if (isStandIn) app.use(PATH, github.pages).use('/auth/login', github.divert);
  app.use(createApp({ auth, projects, lenient: env['PROJECTS_LENIENT'] === 'true' }));
  return { app, auth, isStandIn };
}

/** An application has these from its environment, which replaces them here as well. */
function settings(origin: string): Environment {
  return {
    AUTH_PUBLIC_URL: origin,
    AUTH_STORE_URL: 'memory:',
    // A new one at each start. With one of its own an application signs nobody out by a restart.
    AUTH_JWT_SECRET: randomBytes(48).toString('base64'),
    // As long as clients know tokens to live. The session of one that is refreshed goes on for 90 days.
    AUTH_ACCESS_TTL: '7d',
    AUTH_REFRESH_IDLE_TTL: '30d',
    AUTH_REFRESH_TTL: '90d',
    // That these are long is known, and meant: npx latchkey doctor need not warn of it.
    AUTH_ACCEPTED_WARNINGS: 'access_lifetime',
    AUTH_API_KEYS: 'on',
    AUTH_PASSWORDS: 'off',
    AUTH_APP_NAME: 'Projects',
    // Other applications on this machine have the same host.
    AUTH_COOKIE_NAME: 'projects',
  };
}
