import { generateKeyPairSync } from 'node:crypto';
import path from 'node:path';
import { createAuth } from 'latchkey';
import type { Express } from 'express';
import { expect, it, onTestFinished, vi } from 'vitest';
import { auditRoutes } from '../../lib/audit/route-table.js';
import { allChecks } from '../../lib/doctor/all-checks.js';
import { type CreatedAuth, onCreated } from '../../lib/doctor/created.js';
import { examine, isFlaw } from '../../lib/doctor/examine.js';
import { createApp as analyticsApi } from '../../examples/analytics-api/app.js';
import { createProjectAuth } from '../../examples/analytics-api/project-auth.js';
import { loadProject } from '../../examples/analytics-api/project.js';
import { createApp as embeddedApp } from '../../examples/embedded-app/app.js';
import { createApp as fromAuthExpress } from '../../examples/moving-from/auth-express/after.js';
import { createApp as fromExpressJwt } from '../../examples/moving-from/express-jwt/after.js';
import { createApp as fromJwtBearer } from '../../examples/moving-from/express-oauth2-jwt-bearer/after.js';
import { createApp as fromOpenidConnect } from '../../examples/moving-from/express-openid-connect/after.js';
import { createApp as fromKeycloak } from '../../examples/moving-from/keycloak-connect/after.js';
import { createApp as fromPassportJwt } from '../../examples/moving-from/passport-jwt/after.js';
import { createApp as fromPassportSessions } from '../../examples/moving-from/passport-sessions/after.js';
import { createApp as multiTenant } from '../../examples/multi-tenant/app.js';
import { createTenantAuth } from '../../examples/multi-tenant/auth.js';
import { createInvoices } from '../../examples/multi-tenant/invoices.js';
import { createApp as publicApi } from '../../examples/public-api/app.js';
import { createProjects } from '../../examples/public-api/projects.js';
import { createApi as quickstart, scopesOf } from '../../examples/quickstart/api.js';
import { mailFolder } from '../../examples/quickstart/mail-folder.js';
import { createApp as apollo } from '../../examples/recipes/apollo/app.js';
import { createApp as fileLinks } from '../../examples/recipes/file-links/app.js';
import { createLinks } from '../../examples/recipes/file-links/links.js';
import { createApp as serverSentEvents } from '../../examples/recipes/server-sent-events/app.js';
import { createMessages } from '../../examples/recipes/server-sent-events/messages.js';
import { createApp as trpc } from '../../examples/recipes/trpc/app.js';
import { createApp as verifyingBff } from '../../examples/same-origin-bff/2-verify/app.js';
import { createApp as signInBff } from '../../examples/same-origin-bff/3-sign-in/app.js';
import { createApp as scaleOut } from '../../examples/scale-out/app.js';
import { root } from '../package/build-package.js';
import { SECRET } from '../world/auth-server.js';
import { keyPair } from '../world/key-pairs.js';

const origin = 'https://app.example.com';
const issuer = 'https://id.example.com';

const production = { NODE_ENV: 'production', AUTH_PUBLIC_URL: origin };
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
/** A good key, a database. */
const signing = {
  ...production,
  AUTH_JWT_PRIVATE_KEY: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
  AUTH_SECRET: SECRET,
  AUTH_STORE_URL: 'postgres://db.example.com/app',
};
/** Where users sign in with a provider only. */
const withProvider = {
  ...signing,
  AUTH_PASSWORDS: 'off',
  AUTH_OIDC_ISSUER: issuer,
  AUTH_OIDC_CLIENT_ID: 'app',
  AUTH_OIDC_CLIENT_SECRET: SECRET,
};
const verifying = {
  ...production,
  AUTH_JWT_ISSUER: issuer,
  AUTH_JWT_AUDIENCE: origin,
  AUTH_JWKS_URL: `${issuer}/jwks.json`,
};
/** Its proxy sets the headers, as it did before. */
const moved = { AUTH_SECURITY_HEADERS: 'off' };

interface Example {
  readonly example: string;
  /** The environment of production. */
  readonly env: Readonly<Record<string, string>>;
  readonly create: () => Express | Promise<Express>;
  readonly guarded: number;
  readonly unguarded: readonly string[];
}

const examples: readonly Example[] = [
  {
    example: 'analytics-api',
    // Its administrators add its users.
    env: { ...signing, AUTH_ACCEPTED_WARNINGS: 'mail' },
    create: () => {
      const file = path.join(root, 'examples/analytics-api/project.yaml');
      const project = loadProject(file, process.env);
      return analyticsApi(createProjectAuth(project), project);
    },
    guarded: 6,
    unguarded: [],
  },
  {
    example: 'embedded-app',
    env: verifying,
    create: () =>
      embeddedApp(createAuth(), { platformOrigin: origin, apiUrl: origin, allowedOrigins: [] }),
    guarded: 3,
    unguarded: ['GET /'],
  },
  {
    example: 'multi-tenant',
    env: signing,
    create: () => {
      const auth = createTenantAuth({ groupsOf: () => Promise.resolve([]) });
      const sendMail = () => undefined;
      return multiTenant({ auth, invoices: createInvoices(), sendMail, clientFolder: '.' });
    },
    guarded: 7,
    unguarded: [],
  },
  {
    example: 'public-api',
    env: {
      ...signing,
      AUTH_PASSWORDS: 'off',
      AUTH_API_KEYS: 'on',
      AUTH_GITHUB_CLIENT_ID: 'app',
      AUTH_GITHUB_CLIENT_SECRET: SECRET,
    },
    create: () => publicApi({ auth: createAuth(), projects: createProjects(), lenient: false }),
    guarded: 8,
    unguarded: [],
  },
  {
    example: 'quickstart',
    env: signing,
    create: () => quickstart(createAuth({ tokenScopes: scopesOf }), mailFolder('.')),
    guarded: 5,
    unguarded: ['GET /mails'],
  },
  {
    example: 'scale-out',
    env: { ...signing, AUTH_ACCEPTED_WARNINGS: 'mail' },
    create: () => scaleOut(createAuth(), 'a'),
    guarded: 1,
    unguarded: ['GET /live', 'GET /ready'],
  },
  {
    example: 'same-origin-bff/2-verify',
    // The next step brings them.
    env: { ...verifying, ...moved },
    create: () => verifyingBff(createAuth(), origin),
    guarded: 2,
    unguarded: ['GET /', 'GET /api/products', 'GET /explorer'],
  },
  {
    example: 'same-origin-bff/3-sign-in',
    env: withProvider,
    create: () => signInBff(createAuth({ cookieSessions: true }), origin),
    guarded: 3,
    unguarded: ['GET /', 'GET /api/products', 'GET /explorer'],
  },
  {
    example: 'moving-from/auth-express',
    env: { ...withProvider, ...moved },
    create: () => fromAuthExpress(createAuth()),
    guarded: 3,
    unguarded: [],
  },
  {
    example: 'moving-from/express-jwt',
    env: { ...production, ...moved },
    create: () => {
      const isRevoked = () => false;
      return fromExpressJwt({ secret: SECRET, issuer, audience: origin, isRevoked });
    },
    guarded: 2,
    unguarded: ['GET /health'],
  },
  {
    example: 'moving-from/express-oauth2-jwt-bearer',
    env: { ...production, ...moved },
    create: () => fromJwtBearer({ issuer, audience: origin }),
    guarded: 6,
    unguarded: [],
  },
  {
    example: 'moving-from/express-openid-connect',
    env: { ...withProvider, ...moved },
    create: () => fromOpenidConnect(createAuth({ basePath: '/' })),
    guarded: 3,
    unguarded: [],
  },
  {
    example: 'moving-from/keycloak-connect',
    env: { ...production, ...moved },
    create: () => fromKeycloak({ serverUrl: issuer, realm: 'app', clientId: 'app' }),
    guarded: 6,
    unguarded: ['GET /health'],
  },
  {
    example: 'moving-from/passport-jwt',
    env: { ...production, ...moved },
    create: () => {
      const publicKey = String(
        keyPair('RSA-2048').publicKey.export({ type: 'spki', format: 'pem' }),
      );
      const findUser = () => Promise.resolve(undefined);
      return fromPassportJwt({ publicKey, issuer, audience: origin, findUser });
    },
    guarded: 2,
    unguarded: [],
  },
  {
    example: 'moving-from/passport-sessions',
    env: { ...signing, ...moved, AUTH_ACCEPTED_WARNINGS: 'mail,unguarded_changes' },
    create: () => fromPassportSessions(createAuth(), () => Promise.resolve(1)),
    guarded: 3,
    unguarded: ['GET /login', 'GET /signup', 'POST /login/password', 'POST /signup'],
  },
  // Its resolvers ask who calls, each by itself.
  {
    example: 'recipes/apollo',
    env: withProvider,
    create: () => apollo(createAuth(), async () => []),
    guarded: 0,
    unguarded: ['ALL /graphql/*'],
  },
  {
    example: 'recipes/file-links',
    env: withProvider,
    create: () => {
      const links = createLinks({ secret: Buffer.from(SECRET) });
      const findFile = () => Promise.resolve(undefined);
      return fileLinks({ auth: createAuth(), links, folder: '.', findFile });
    },
    guarded: 1,
    // The link in its address says who asks.
    unguarded: ['GET /files/:id'],
  },
  {
    example: 'recipes/server-sent-events',
    env: withProvider,
    create: () => serverSentEvents(createAuth(), createMessages()),
    guarded: 1,
    unguarded: [],
  },
  {
    example: 'recipes/trpc',
    env: withProvider,
    create: () => trpc(createAuth(), async () => []),
    guarded: 0,
    // Its procedures ask who calls, each by itself.
    unguarded: ['ALL /api/trpc/*'],
  },
];

it.each(examples)(
  'in the example $example nothing is wrong, and no route is without a guard but those listed',
  async ({ env, create, guarded, unguarded }) => {
    const { app, auths } = await load(env, create);
    const listed = auditRoutes(app);
    const without = listed.filter(({ protection }) => protection === 'none');
    expect(without.map(({ method, path: at }) => `${method} ${at}`).toSorted()).toEqual(unguarded);
    expect(listed.filter(({ protection }) => protection === 'guarded')).toHaveLength(guarded);

    expect(auths).toHaveLength(1);
    const findings = auths.flatMap((settings) =>
      examine(allChecks, {
        env,
        settings,
        problems: [],
        today: { now: Date.now(), nodeVersion: '24.1.0' },
        folder: root,
        application: { apps: [app], auths },
      }),
    );
    expect(findings.filter(isFlaw)).toEqual([]);
  },
);

async function load(env: Readonly<Record<string, string>>, create: Example['create']) {
  for (const [variable, value] of Object.entries(env)) vi.stubEnv(variable, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  const auths: CreatedAuth[] = [];
  const stop = onCreated((created) => auths.push(created));
  const app = await create();
  stop();
  onTestFinished(async () => void (await Promise.all(auths.map((auth) => auth.close()))));
  return { app, auths };
}
