import { credentialStore } from './sql-credentials.js';
import type { SqlDatabase } from './sql-database.js';
import { instanceStore } from './sql-instances.js';
import { onceStore } from './sql-once.js';
import { sessionStore } from './sql-sessions.js';
import { userStore } from './sql-users.js';
import type { Store } from './store.js';

/** The store on a database that speaks SQL with RETURNING and ON CONFLICT. Each operation is one statement. */
export function sqlStore(database: SqlDatabase): Store {
  return Object.freeze({
    sessions: sessionStore(database),
    once: onceStore(database),
    users: userStore(database),
    credentials: credentialStore(database),
    instances: instanceStore(database),
    async ping(): Promise<void> {
      await database.query('SELECT version FROM latchkey_schema LIMIT 1', []);
    },
    close: () => database.close(),
  });
}
