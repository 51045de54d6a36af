import { rmSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { checkLive } from '../../../lib/doctor/live/live.js';
import { startLoginProvider } from '../../world/login-provider.js';
import { createDatabaseFolder } from '../../world/database-folder.js';
import { reservePort, serveLoginApp } from '../../world/login-app.js';
import { faultsIn, subjectOf } from './world.js';

it('a running application with its provider and its store has no fault', async () => {
  const port = await reservePort();
  const redirectUris = [`${port.origin}/api/auth/callback/corp`];
  const provider = await startLoginProvider({ redirectUris });
  const { issuer, clientId, clientSecret } = provider;
  const folder = createDatabaseFolder();
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const url = `file:${folder}/auth.db`;
  const { auth } = serveLoginApp(port, {
    store: { url },
    oidc: { corp: { issuer, clientId, clientSecret } },
  });
  await auth.ready();
  const findings = await checkLive(
    subjectOf({
      ...{ AUTH_PUBLIC_URL: port.origin, AUTH_STORE_URL: url, AUTH_OIDC_CORP_ISSUER: issuer },
      ...{ AUTH_OIDC_CORP_CLIENT_ID: clientId, AUTH_OIDC_CORP_CLIENT_SECRET: clientSecret },
    }),
  );
  // The application of this test has no security headers.
  expect(faultsIn(findings)).toEqual(['warn live_headers']);
  const names = new Set(findings.map(({ check }) => check));
  expect([...names]).toEqual(
    expect.arrayContaining(['live_issuer', 'live_redirect_uri', 'live_store_swap', 'live_app']),
  );
});

it('of what cannot be reached, everything is a finding', async () => {
  const nowhere = 'http://127.0.0.1:1';
  const findings = await checkLive(
    subjectOf({
      ...{ AUTH_STORE_URL: 'redis://127.0.0.1:1', AUTH_OIDC_ISSUER: nowhere },
      ...{ AUTH_OIDC_CLIENT_ID: 'us', AUTH_OIDC_CLIENT_SECRET: 'a-secret-of-ours-there' },
      ...{ AUTH_PUBLIC_URL: 'https://no-such-host.invalid' },
      AUTH_TRUSTED_ISSUERS: JSON.stringify([
        { issuer: nowhere, audience: 'us', keys: { discovery: true } },
      ]),
    }),
  );
  const faults = ['fail live_discovery', 'fail live_discovery', 'fail live_store', 'warn live_app'];
  expect(faultsIn(findings)).toEqual(faults);
});

it('settings that createAuth() would refuse are a finding', async () => {
  const findings = await checkLive(
    subjectOf({
      ...{ AUTH_PUBLIC_URL: 'http://localhost:1', AUTH_OIDC_CLIENT_ID: 'us' },
      AUTH_OIDC_ISSUER: 'https://login.microsoftonline.com/common/v2.0',
    }),
  );
  expect(faultsIn(findings)).toEqual(['fail live_settings']);
});
