import { availableParallelism } from 'node:os';
import { createEvents } from '../events.js';
import { createPasswords, type Passwords } from '../accounts/passwords/passwords.js';
import { openStore } from '../stores/open-store.js';
import { steadyStore } from '../stores/steady/steady-store.js';
import type { Store, StoredUser } from '../stores/store.js';
import { createRevocationCounts, type RevocationCounts } from '../accounts/revocation-counts.js';
import { createUsers, type Users } from '../accounts/users.js';
import type { Terminal } from './terminal.js';
import { UsageError } from './usage-error.js';
import { visible } from './output/visible-text.js';

/** What the commands work with. */
export interface Desk {
  readonly store: Store;
  readonly credentials: Store['credentials'];
  readonly counts: RevocationCounts;
  readonly now: () => number;
  readonly users: Users;
  readonly passwords: Passwords;
  /** Prints a line. */
  readonly print: (line: string) => void;
  readonly read: Terminal['read'];
}

export function openDesk(url: string | undefined, { read, print }: Terminal): Desk {
  if (url === undefined)
    throw new UsageError('no store: set AUTH_STORE_URL, or add --store file:./auth.db');
  if (url.startsWith('memory:'))
    throw new UsageError(
      'memory: is inside the process of the application; use file:, postgres: or redis:',
    );
  const events = createEvents();
  const store = steadyStore(openStore(url), { events, warns: false });
  return {
    store,
    credentials: store.credentials,
    counts: createRevocationCounts(store.once, Date.now),
    now: Date.now,
    users: createUsers({ store: store.users, now: Date.now }),
    passwords: createPasswords({}, { events, cores: availableParallelism() }),
    print: (line) => print(`${visible(line)}\n`),
    read,
  };
}

export async function find({ users: all }: Desk, login: string): Promise<StoredUser> {
  const user = await all.findByLogin(login);
  if (user) return user;
  throw new Error(
    `there is no user ${JSON.stringify(login)}; npx latchkey users list shows all of them`,
  );
}

export async function endSessions(
  { store, counts }: Desk,
  user: StoredUser,
  reason: string,
): Promise<string> {
  const selector = { userId: user.id };
  // As the application does it: a sign-in that is under way notices the count, and begins no session.
  await counts.add(selector);
  const ids = await store.sessions.revoke(selector, { now: Date.now(), reason });
  return ids.length === 1 ? '1 session ended' : `${ids.length} sessions ended`;
}

export function nameOf({ username, email, id }: StoredUser): string {
  return username ?? email ?? id;
}
