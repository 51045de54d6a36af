import { credentialChecks } from './store-contract/credentials.js';
import { instanceChecks } from './store-contract/instances.js';
import { onceChecks } from './store-contract/once.js';
import { sessionChecks } from './store-contract/sessions.js';
import type { Check, Connections } from './store-contract/connections.js';
import { userChecks } from './store-contract/users.js';
import type { Store } from '../stores/store.js';

/** One promise of a store, for any test runner: `it(check.title, check.run)`. */
export interface StoreCheck {
  readonly title: string;
  /** Rejects with an `AssertionError` when the promise is broken. */
  readonly run: () => Promise<void>;
}

/**
 * Everything that `Store` promises, as checks. `open` is called twice a check and must answer two connections to
 * the same data, so that what is called atomic really is. Uses random names, so that the data may be shared with
 * others; a check takes seconds at most.
 *
 * @example
 * for (const { title, run } of storeContract(() => openStore(url))) it(title, run);
 */
export function storeContract(open: () => Store | Promise<Store>): readonly StoreCheck[] {
  const checks = {
    ...sessionChecks,
    ...onceChecks,
    ...userChecks,
    ...credentialChecks,
    ...instanceChecks,
    ...whole,
  };
  return Object.entries(checks).map(([title, check]) => ({
    title,
    run: () => withConnections(open, check),
  }));
}

const whole: Readonly<Record<string, Check>> = {
  'a store answers a ping on both connections': async ({ one, two }) => {
    await one.ping();
    await two.ping();
  },
};

async function withConnections(open: () => Store | Promise<Store>, check: Check): Promise<void> {
  const connections: Connections = { one: await open(), two: await open() };
  try {
    await check(connections);
  } finally {
    await connections.one.close();
    await connections.two.close();
  }
}
