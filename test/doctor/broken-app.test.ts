import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { expect, it, onTestFinished, vi } from 'vitest';
import { SECRET } from '../world/auth-server.js';
import { latchkey } from '../world/command-line.js';
import { keyPair } from '../world/key-pairs.js';
import { startLoginProvider } from '../world/login-provider.js';
import { startRedisServer } from '../world/redis-server.js';

/** A mistake as it is made, the check of doctor or the finding of routes that tells of it, and some of its words. */
interface Fault {
  readonly fault: string;
  readonly foundBy: string;
  readonly says: string;
}

const folder = path.join(import.meta.dirname, 'broken-app');
const app = path.join(folder, 'app.ts');

const lateErrorHandler = [
  'GET /api/invoices',
  'POST /api/invoices',
  'GET /api/invoices/:id',
  'GET /api/orgs/:org/members',
  'POST /api/orgs/:org/members',
  'GET /shop/basket',
  'POST /shop/basket',
  'GET /api/admin/users',
].map((says): Fault => {
  const foundBy = 'error_handler_before_route';
  return { fault: `errorHandler() before ${says}`, foundBy, says };
});

const inRoutes: readonly Fault[] = [
  ...lateErrorHandler,
  {
    fault: 'a guard forgotten on one of many routes',
    foundBy: 'unguarded',
    says: 'DELETE /api/invoices/:id',
  },
  {
    fault: 'a route of administrators above their guard',
    foundBy: 'unguarded',
    says: 'PATCH /api/admin/settings',
  },
  {
    fault: 'a guard behind the handler',
    foundBy: 'guard_after_handler',
    says: 'PUT /api/invoices/:id',
  },
  { fault: 'so that there is none', foundBy: 'unguarded', says: 'PUT /api/invoices/:id' },
  {
    fault: 'orgContext() behind the handler',
    foundBy: 'guard_after_handler',
    says: 'GET /api/orgs/:org/members',
  },
  {
    fault: 'requireScopes() before requireAuth()',
    foundBy: 'guard_before_auth',
    says: 'GET /api/invoices/:id',
  },
  {
    fault: "a role of: 'org' before orgContext()",
    foundBy: 'guard_before_org',
    says: 'POST /api/orgs/:org/members',
  },
  {
    fault: 'POST behind express-session without sameOrigin()',
    foundBy: 'csrf_uncovered',
    says: 'POST /shop/basket',
  },
  { fault: 'a guard below everything', foundBy: 'guard_after_route', says: 'GET /figures' },
];

const inProduction: readonly Fault[] = [
  {
    fault: 'guards behind handlers',
    foundBy: 'routes',
    says: 'PUT /api/invoices/:id, GET /api/orgs/:org/members: a guard stands behind',
  },
  {
    fault: 'requireScopes() before requireAuth()',
    foundBy: 'routes',
    says: 'GET /api/invoices/:id: ',
  },
  {
    fault: "a role of: 'org' before orgContext()",
    foundBy: 'routes',
    says: 'POST /api/orgs/:org/members: ',
  },
  {
    fault: 'POST behind express-session without sameOrigin()',
    foundBy: 'routes',
    says: 'POST /shop/basket: ',
  },
  { fault: 'a guard below everything', foundBy: 'routes', says: 'GET /figures: ' },
  { fault: 'errorHandler() before the routes', foundBy: 'routes', says: 'auth.errorHandler()' },
  {
    fault: 'changes without a guard',
    foundBy: 'unguarded_changes',
    says: 'DELETE /api/invoices/:id, PUT /api/invoices/:id, PATCH /api/admin/settings: ',
  },
  { fault: 'no securityHeaders()', foundBy: 'security_headers', says: 'not mounted' },
  {
    fault: 'the router elsewhere than basePath',
    foundBy: 'auth_router',
    says: '/accounts, and basePath is /api/auth',
  },
  { fault: 'no sendMail', foundBy: 'mail', says: 'no mail is sent' },
  { fault: 'trust proxy true', foundBy: 'trust_proxy', says: 'every address' },
  { fault: 'trust proxy off behind a proxy', foundBy: 'trust_proxy', says: 'is off, on Fly.io' },
  {
    fault: 'trust proxy true, with what proxies send',
    foundBy: 'forwarded_for',
    says: 'a client can choose its address',
  },
  {
    fault: 'trust proxy off, with what proxies send',
    foundBy: 'forwarded_for',
    says: "10.0.0.3, a proxy's",
  },
  { fault: 'a misspelt setting', foundBy: 'config_warnings', says: 'AUTH_JWT_SECERT' },
  { fault: 'keys over plain http', foundBy: 'config_warnings', says: 'AUTH_JWKS_ALLOW_HTTP' },
  { fault: 'a secret of words', foundBy: 'key_strength', says: 'AUTH_SECRET looks like words' },
  { fault: 'an old key', foundBy: 'key_age', says: 'AUTH_JWT_SECRET_FILE was written 3 years ago' },
  { fault: 'access tokens for a month', foundBy: 'access_lifetime', says: '30 days' },
  {
    fault: 'access tokens that outlive unused sessions',
    foundBy: 'session_lifetimes',
    says: '7 days',
  },
  { fault: 'expired tokens that are taken', foundBy: 'clock_tolerance', says: '5 minutes' },
  { fault: 'localhost as the public URL', foundBy: 'public_url', says: 'https://localhost' },
  { fault: 'every origin in CORS', foundBy: 'cors', says: 'AUTH_CORS_ORIGINS is *' },
  {
    fault: 'a frame over plain http',
    foundBy: 'frame_ancestors',
    says: 'http://partner.example',
  },
  {
    fault: 'localhost left in production',
    foundBy: 'frame_ancestors',
    says: 'http://localhost:5173, in production',
  },
  { fault: 'log-ins without a real limit', foundBy: 'login_limit', says: '600000' },
  { fault: 'requests without a real limit', foundBy: 'rate_limit', says: '60000' },
  { fault: 'memory: with four workers', foundBy: 'store', says: 'WEB_CONCURRENCY=4' },
  { fault: 'API keys that say test', foundBy: 'api_keys', says: 'lk_test_' },
];

const inStaging: readonly Fault[] = [
  { fault: 'NODE_ENV missing', foundBy: 'node_env', says: 'NODE_ENV is not production' },
  { fault: 'a leaked secret', foundBy: 'config_warnings', says: 'AUTH_JWT_SECRET is on' },
  { fault: 'and once more', foundBy: 'config_warnings', says: 'AUTH_SECRET is on' },
  { fault: 'one secret for everything', foundBy: 'shared_secret', says: 'are the same' },
  { fault: 'standalone where others can reach it', foundBy: 'dev_token', says: 'AUTH_STANDALONE' },
  { fault: 'no public URL', foundBy: 'cookies', says: 'not Secure' },
  { fault: 'plain http in CORS', foundBy: 'cors', says: 'http://staging.example.com' },
  { fault: 'SQLite on a disk that passes', foundBy: 'store', says: 'Heroku' },
  {
    fault: 'a misspelt check that is accepted',
    foundBy: 'accepted_warnings',
    says: 'acces_lifetime',
  },
];

const refused: readonly Fault[] = [
  { fault: 'http in production', foundBy: 'configuration', says: 'AUTH_PUBLIC_URL uses http' },
  { fault: 'an RSA key of 1024 bits', foundBy: 'configuration', says: 'fewer than 2048 bits' },
  { fault: 'a short secret', foundBy: 'configuration', says: 'AUTH_SECRET is shorter' },
  { fault: 'no store', foundBy: 'configuration', says: 'AUTH_STORE_URL is missing' },
  {
    fault: 'idle time beyond the end of sessions',
    foundBy: 'configuration',
    says: 'AUTH_REFRESH_IDLE_TTL is longer',
  },
  { fault: 'standalone in production', foundBy: 'configuration', says: 'AUTH_STANDALONE is on' },
  { fault: 'its token in production', foundBy: 'configuration', says: 'AUTH_DEV_TOKEN is given' },
  { fault: 'a provider over http', foundBy: 'configuration', says: 'AUTH_OIDC_ISSUER uses http' },
  {
    fault: 'two providers with one name',
    foundBy: 'configuration',
    says: 'a second provider named google',
  },
  { fault: 'a word that is none', foundBy: 'configuration', says: 'AUTH_DPOP' },
];

const leaked: readonly Fault[] = [
  {
    fault: 'a leaked secret in production',
    foundBy: 'configuration',
    says: 'AUTH_JWT_SECRET is on a public list of leaked secrets',
  },
];

const live: readonly Fault[] = [
  { fault: 'NODE_ENV missing', foundBy: 'node_env', says: 'NODE_ENV is not production' },
  {
    fault: 'a redirect URI that the provider does not know',
    foundBy: 'live_redirect_uri',
    says: '"default"',
  },
  {
    fault: 'an issuer with a slash too many',
    foundBy: 'live_issuer',
    says: '"partner": the issuer in its metadata',
  },
  { fault: 'a Redis that drops sessions', foundBy: 'live_store_eviction', says: 'allkeys-lru' },
  { fault: 'a Redis that forgets at once', foundBy: 'live_store_persistence', says: 'appendonly' },
];

const forwarded = ['--forwarded-for', '203.0.113.9, 10.0.0.2', '--remote', '10.0.0.3'];

it.each([
  {
    command: 'routes, of the application',
    environment: 'production.env',
    args: ['routes', app, '--fail-unguarded', '--allow', '/health'],
    faults: inRoutes,
  },
  {
    command: 'doctor, of the application in production',
    environment: 'production.env',
    args: ['doctor', app, ...forwarded],
    faults: inProduction,
  },
  {
    command: 'doctor, of what staging is set to',
    environment: 'staging.env',
    args: ['doctor', '--strict'],
    faults: inStaging,
  },
  {
    command: 'doctor, of settings that keep an application from starting',
    environment: 'refused.env',
    args: ['doctor', app],
    faults: refused,
  },
  {
    command: 'doctor, of a secret from a tutorial',
    environment: 'leaked.env',
    args: ['doctor'],
    faults: leaked,
  },
])('$command, finds each fault by its name, and nothing else', async (planted) => {
  const found = await run(planted.args, environmentOf(planted.environment));
  expect(namesOf(found, planted.faults)).toEqual(
    planted.faults.map(({ fault }) => fault).toSorted(),
  );
});

it('doctor --live finds what only a provider and a store can tell, and nothing else', async () => {
  const publicUrl = 'http://localhost:1';
  const redis = await startRedisServer('--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru');
  onTestFinished(redis.stop);
  const elsewhere = await startLoginProvider({ redirectUris: [`${publicUrl}/callback`] });
  const right = await startLoginProvider({
    redirectUris: [`${publicUrl}/api/auth/partner/callback`],
  });
  const found = await run(['doctor', '--live'], {
    AUTH_PUBLIC_URL: publicUrl,
    AUTH_JWT_SECRET: SECRET,
    AUTH_STORE_URL: redis.url,
    AUTH_OIDC_ISSUER: elsewhere.issuer,
    AUTH_OIDC_CLIENT_ID: elsewhere.clientId,
    AUTH_OIDC_CLIENT_SECRET: elsewhere.clientSecret,
    AUTH_OIDC_PARTNER_ISSUER: `${right.issuer}/`,
    AUTH_OIDC_PARTNER_CLIENT_ID: right.clientId,
    AUTH_OIDC_PARTNER_CLIENT_SECRET: right.clientSecret,
  });
  expect(namesOf(found, live)).toEqual(live.map(({ fault }) => fault).toSorted());
});

interface Finding {
  readonly check?: string;
  readonly finding?: string;
  readonly outcome?: string;
  readonly says: string;
  readonly routes?: readonly string[];
}

/** What a command finds, as the names of findings and what is found. Its exit code is 1. */
async function run(args: readonly string[], env: Readonly<Record<string, string>>) {
  // An application that has been loaded already doesn't call createAuth() once more.
  vi.resetModules();
  const { stdout, code } = await latchkey([...args, '--json'], { env });
  expect(code).toBe(1);
  const { findings } = JSON.parse(stdout) as { readonly findings: readonly Finding[] };
  return findings.flatMap(({ check, finding = check, outcome, says, routes = [says] }) => {
    // That one is of the machine that runs this.
    const isOurs = outcome !== 'pass' && check !== 'node_version';
    return isOurs ? routes.map((each) => `${finding} ${each}`) : [];
  });
}

/** The faults that were found; in place of one, what was found and is none. */
function namesOf(found: readonly string[], faults: readonly Fault[]): readonly string[] {
  const named = found.map((each) => {
    const meant = faults.filter(
      ({ foundBy, says }) => each.startsWith(`${foundBy} `) && isMeant(each, foundBy, says),
    );
    return meant.length === 1 ? (meant[0]?.fault ?? each) : each;
  });
  return named.toSorted();
}

/** A route as a whole, or some of a finding's words. */
function isMeant(found: string, foundBy: string, says: string): boolean {
  return /^[A-Z]+ \/\S*$/.test(says) ? found === `${foundBy} ${says}` : found.includes(says);
}

/** Reads an environment, and makes its files of keys, which are three years old. */
function environmentOf(name: string): Readonly<Record<string, string>> {
  const keys = mkdtempSync(path.join(tmpdir(), 'latchkey-broken-'));
  onTestFinished(() => rmSync(keys, { recursive: true }));
  onTestFinished(() => void vi.unstubAllEnvs());
  const writeKey = (file: string): string => {
    const written = path.join(keys, file);
    writeFileSync(written, file.endsWith('.pem') ? shortKey() : SECRET);
    const time = Date.now() / 1000 - 3 * 366 * 24 * 3600;
    utimesSync(written, time, time);
    return written;
  };
  const given = Object.entries(parseEnv(readFileSync(path.join(folder, name), 'utf8')));
  const env = given.map(([variable, value = '']): [string, string] => [
    variable,
    variable.endsWith('_FILE') ? writeKey(value) : value,
  ]);
  // The application reads those of the process.
  for (const [variable, value] of env) vi.stubEnv(variable, value);
  return Object.fromEntries(env);
}

function shortKey(): string {
  const { privateKey } = keyPair('RSA-1024');
  return String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
}
