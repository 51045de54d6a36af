import type { Check, Connections } from './store-contract/connections.js';
import { credentialChecks } from './store-contract/credentials.js';
import { instanceChecks } from './store-contract/instances.js';
import { joinedChecks } from './store-contract/joined.js';
import { loginChecks } from './store-contract/logins.js';
import { onceChecks } from './store-contract/once.js';
import { ownerChecks } from './store-contract/org-owners.js';
import { orgTextChecks } from './store-contract/org-texts.js';
import { orgChecks } from './store-contract/orgs.js';
import { revocationPageChecks } from './store-contract/revocation-pages.js';
import { revocationChecks } from './store-contract/revocations.js';
import { sessionListChecks } from './store-contract/session-lists.js';
import { sessionChecks } from './store-contract/sessions.js';
import { stallChecks } from './store-contract/stalls.js';
import { sweepChecks } from './store-contract/sweeps.js';
import { textChecks } from './store-contract/texts.js';
import { userChecks } from './store-contract/users.js';
import type { Store } from '../stores/store.js';

/** One promise of a store, for any test runner: `it(check.title, check.run)`. */
export interface StoreCheck {
  readonly title: string;
  /** Rejects with an `AssertionError` when the promise is broken. */
  readonly run: () => Promise<void>;
}

export interface StoreContractOptions {
  /**
   * Holds up every change of the store until the function is called that it resolves with: by a lock on the tables, say. With
   * it, one more check makes sure that a change which was held up for longer than `PATIENCE_MS` never happens. It takes six
   * seconds. Nobody else may use the store meanwhile.
   */
  readonly stall?: () => Promise<() => Promise<void>>;
}

/**
 * Everything that `Store` promises, as checks. `open` is called twice a check and must return two connections to
 * the same data, so that what is called atomic really is. Uses random names, so that the data may be shared with
 * others; a check takes seconds at most. What is optional in `Store` is checked where it is there.
 *
 * @example
 * for (const { title, run } of storeContract(() => openStore(url))) it(title, run);
 */
export function storeContract(
  open: () => Store | Promise<Store>,
  { stall }: StoreContractOptions = {},
): readonly StoreCheck[] {
  const checks = {
    ...sessionChecks,
    ...revocationChecks,
    ...revocationPageChecks,
    ...sessionListChecks,
    ...sweepChecks,
    ...joinedChecks,
    ...onceChecks,
    ...userChecks,
    ...loginChecks,
    ...credentialChecks,
    ...orgChecks,
    ...ownerChecks,
    ...instanceChecks,
    ...textChecks,
    ...orgTextChecks,
    ...whole,
    ...(stall && stallChecks(stall)),
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
