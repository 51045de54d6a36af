import path from 'node:path';
import type { Express } from 'express';
import { type Auth, type AuthOptions, type Mail, memoryStore } from 'latchkey';
import { createApp } from '../../examples/multi-tenant/app.js';
import { createTenantAuth } from '../../examples/multi-tenant/auth.js';
import {
  addDemoAccounts,
  addDemoInvoices,
  type DemoSecrets,
  groupsOf,
} from '../../examples/multi-tenant/demo/demo-data.js';
import {
  type FormerClaims,
  signFormerToken,
} from '../../examples/multi-tenant/demo/former-token.js';
import { createInvoices, type Invoices } from '../../examples/multi-tenant/invoices.js';
import { root } from '../package/build-package.js';
import { BASE, SECRET, type Tokens } from '../world/auth-server.js';
import { listen } from '../world/serve.js';

const FORMER = { issuer: 'https://former.example.com', audience: 'invoices' } as const;

interface TenantsParts {
  readonly publicUrl?: string;
  readonly options?: AuthOptions;
  /** With which the former system has signed. */
  readonly secrets?: readonly string[];
  readonly groups?: (userId: string) => Promise<readonly string[]>;
}

interface Tenants {
  readonly auth: Auth;
  readonly app: Express;
  readonly invoices: Invoices;
  readonly mails: readonly Mail[];
  readonly passwordOf: (name: string) => string;
  readonly serviceAccount: DemoSecrets['serviceAccount'];
}

/** The example with its users, in the test's own process. */
export async function createTenants({
  publicUrl = 'http://localhost:3000',
  options = {},
  secrets = [SECRET],
  groups = groupsOf,
}: TenantsParts = {}): Promise<Tenants> {
  const mails: Mail[] = [];
  const auth = createTenantAuth({
    groupsOf: groups,
    former: { ...FORMER, secrets },
    options: { ...BASE, publicUrl, store: memoryStore(), ...options },
  });
  const invoices = createInvoices();
  addDemoInvoices(invoices);
  const added = await addDemoAccounts(auth);
  const app = createApp({
    auth,
    invoices,
    sendMail: (mail) => void mails.push(mail),
    clientFolder: path.join(root, 'dist/client'),
  });
  return {
    ...{ auth, app, invoices, mails },
    passwordOf: (name) => added?.passwords.get(name) ?? '',
    serviceAccount: added?.serviceAccount ?? { id: '', secret: '' },
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

interface Credentials {
  readonly token?: string;
  readonly key?: string;
  /** `X-Org-Id`. */
  readonly org?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ServedTenants extends Tenants {
  readonly origin: string;
  /** `GET /api/invoices` with what proves the caller, and a body. */
  readonly call: (route: string, credentials?: Credentials, body?: unknown) => Promise<Answer>;
  /** Signs in by password. */
  readonly logIn: (username: string, password?: string) => Promise<Tokens>;
  /** Tokens of a new session without the work of a password. */
  readonly tokensOf: (userId: string) => Promise<Tokens>;
  close(): Promise<void>;
}

export async function serveTenants(parts: TenantsParts = {}): Promise<ServedTenants> {
  const tenants = await createTenants(parts);
  const { auth } = tenants;
  const served = await listen(tenants.app);
  const { origin } = served;

  const call: ServedTenants['call'] = async (route, { token, key, org, headers } = {}, body) => {
    const [method = '', url = ''] = route.split(' ');
    const response = await fetch(origin + url, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(key !== undefined && { 'x-api-key': key }),
        ...(org !== undefined && { 'x-org-id': org }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const { status } = response;
    return { status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) };
  };

  return {
    ...tenants,
    origin,
    call,
    async logIn(username, password = tenants.passwordOf(username)) {
      const { body } = await call('POST /api/auth/login', {}, { username, password });
      return body as unknown as Tokens;
    },
    async tokensOf(userId) {
      const user = await auth.users.findById(userId);
      if (!user) throw new Error('there is no such user');
      const authTime = Math.floor(Date.now() / 1000);
      const notes = { amr: ['pwd'], authTime, acr: undefined, device: undefined } as const;
      const { refreshToken } = await auth.sessions.start(user, { ...notes, delivery: 'body' });
      const { body } = await call('POST /api/auth/refresh', {}, { refresh_token: refreshToken });
      return body as unknown as Tokens;
    },
    async close() {
      await served.close();
      await auth.close();
    },
  };
}

/** A token of the former system for ben, or with other claims. */
export function formerToken(claims: Partial<FormerClaims> = {}, secret = SECRET): string {
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const { issuer: iss, audience: aud } = FORMER;
  return signFormerToken(
    { iss, aud, sub: 'ben', user_id: 2, role: 'user', exp, ...claims },
    secret,
  );
}
