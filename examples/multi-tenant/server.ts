import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from 'latchkey';
import { mailFolder } from '../quickstart/mail-folder.js';
import { runExample } from '../run-example.js';
import { createApp } from './app.js';
import { createTenantAuth } from './auth.js';
import { addDemoAccounts, addDemoInvoices, groupsOf } from './demo/demo-data.js';
import { instructions } from './demo/instructions.js';
import { mailsPage } from './demo/mails-page.js';
import { createInvoices } from './invoices.js';

const former = { issuer: 'https://former.example.com', audience: 'invoices' } as const;
const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-multi-tenant-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));

runExample(async (origin) => {
  const env = { ...settings(origin), ...process.env };
  const { jwt } = loadConfig({ env, onWarning: () => undefined });
  // The former system has signed with the secret that signs our own tokens now.
  const secrets = [jwt.secret ?? [], jwt.secretPrevious].flat();
  const auth = createTenantAuth({ groupsOf, former: { ...former, secrets }, options: { env } });
  const added = await addDemoAccounts(auth);
  const invoices = createInvoices();
  addDemoInvoices(invoices);
  const mails = mailFolder(path.join(folder, 'mails'));
  const clientFolder = path.dirname(fileURLToPath(import.meta.resolve('latchkey/client')));
  const app = createApp({ auth, invoices, sendMail: mails.sendMail, clientFolder });
  app.get('/mails', mailsPage(mails));
  return {
    app,
    instructions: instructions(origin, { added, former: { ...former, secrets } }),
    close: () => auth.close(),
  };
});

/** An application has these from its environment, which replaces them here as well. */
function settings(origin: string): Readonly<Record<string, string>> {
  return {
    AUTH_PUBLIC_URL: origin,
    AUTH_STORE_URL: `file:${path.join(folder, 'auth.db')}`,
    // A new one at each start. With one of its own an application signs nobody out by a restart.
    AUTH_JWT_SECRET: randomBytes(48).toString('base64'),
    // What mails and pages call it.
    AUTH_APP_NAME: 'Invoices',
    // Other applications on this machine have the same host.
    AUTH_COOKIE_NAME: 'multi-tenant',
  };
}
