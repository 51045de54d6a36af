import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { createAuth } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAnalyticsClient } from '../../examples/analytics-api/client.mjs';
import { buildPackage, root } from '../package/build-package.js';
import {
  freePort,
  plainEnvironment,
  type Script,
  startScript,
  stop,
  until,
} from '../package/start-script.js';
import { PASSWORD, SECRET } from '../world/auth-server.js';

const run = promisify(execFile);
const hasPython = spawnSync('python3', ['--version']).status === 0;
if (!hasPython) console.log('Left out: the Python client, for there is no python3 here.');

const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-analytics-'));
const storeUrl = `file:${path.join(folder, 'analytics.db')}`;
let script: Script;
let base: string;

beforeAll(async () => {
  await buildPackage();
  const auth = createAuth({
    env: {},
    publicUrl: 'http://localhost:3000',
    jwt: { secret: SECRET },
    store: { url: storeUrl },
    onWarning: () => undefined,
  });
  const passwordHash = await auth.passwords.hash(PASSWORD);
  await auth.users.create({ username: 'ada', attributes: { region: 'eu' }, passwordHash });
  await auth.users.create({
    username: 'root',
    roles: ['admin'],
    groups: ['stewards'],
    passwordHash,
  });
  await auth.close();
  const port = await freePort();
  script = startScript(['--import', 'tsx', 'examples/analytics-api/server.ts'], {
    env: {
      PORT: String(port),
      TSX_TSCONFIG_PATH: 'examples/tsconfig.installed.json',
      JWT_SECRET: SECRET,
      AUTH_CONFIG_FILE: 'examples/analytics-api/auth.yaml',
      AUTH_STORE_URL: storeUrl,
      // A second longer than clients refresh ahead, so that they have to.
      AUTH_ACCESS_TTL: '301',
    },
  });
  base = `http://127.0.0.1:${port}/api/v1`;
  await until(script, () => script.output.stdout.includes('Analytics API on'));
}, 120_000);
afterAll(async () => {
  await stop(script);
  rmSync(folder, { recursive: true, force: true });
});

const maskedEuropean = [
  { region: 'eu', customer: '***', amount: 120 },
  { region: 'eu', customer: '***', amount: 80 },
];

describe('the analytics API', () => {
  it.runIf(hasPython)(
    'serves the Python client, which refreshes ahead of expiry and signs out',
    async () => {
      const { stdout } = await run('python3', ['examples/analytics-api/client.py', base], {
        cwd: root,
        env: {
          ...plainEnvironment(),
          ANALYTICS_USER: 'ada',
          ANALYTICS_PASSWORD: PASSWORD,
          PAUSE_SECONDS: '1.5',
        },
      });
      const [first = '', second = '', ...rest] = stdout.trim().split('\n');
      expect(JSON.parse(first)).toEqual(maskedEuropean);
      expect(JSON.parse(second)).toEqual(maskedEuropean);
      expect(rest).toEqual(['refreshed 1 times', '401 TOKEN_REVOKED']);
    },
  );

  it('serves the JavaScript client', async () => {
    const client = createAnalyticsClient(base);
    await client.signIn('root', PASSWORD);
    expect(((await client.get('/sales')) as { rows: unknown[] }).rows).toHaveLength(3);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(
      ((await client.get('/sales')) as { rows: { customer: string }[] }).rows[0]?.customer,
    ).toBe('anna@example.com');
    expect(client.refreshes).toBe(1);
    await client.signOut();
    await expect(client.get('/sales')).rejects.toMatchObject({ code: 'TOKEN_REVOKED' });
  });

  it('answers errors in the shape that its clients know', async () => {
    const wrong = await fetch(`${base}/auth/token`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ username: 'ada', password: 'wrong' }),
    });
    expect(wrong.status).toBe(401);
    expect(await wrong.json()).toEqual({
      error: { code: 'INVALID_CREDENTIALS', message: expect.any(String) as string },
    });
    expect(await (await fetch(`${base}/sales`)).json()).toMatchObject({
      error: { code: 'CREDENTIALS_MISSING' },
    });
  });

  it('its access tokens have the claims that its clients read', async () => {
    const client = createAnalyticsClient(base);
    await client.signIn('ada', PASSWORD);
    const me = (await client.get('/auth/me')) as { user: object; session_id: string };
    expect(me).toMatchObject({ user: { username: 'ada', attributes: { region: 'eu' } } });
    expect(me.session_id).toMatch(/^[\w-]{22}$/);
  });
});
