import { credentialStore } from './credentials.js';
import type { SqlDatabase, SqlDialect } from './database.js';
import { instanceStore } from './instances.js';
import { onceStore } from './once.js';
import { orgStore } from './orgs.js';
import { joinedSessions, sessionStore } from './sessions.js';
import { userStore } from './users.js';
import type { Store } from '../store.js';

/** The store on a database that speaks SQL with RETURNING and ON CONFLICT. Each operation is one statement. */
export function sqlStore(database: SqlDatabase, dialect: SqlDialect): Store {
  const users = userStore(database);
  return Object.freeze({
    sessions: Object.freeze({
      ...sessionStore(database, dialect),
      joined: Object.freeze({ users, ...joinedSessions(database, dialect) }),
    }),
    once: onceStore(database, dialect),
    users,
    credentials: credentialStore(database, dialect),
    orgs: orgStore(database, dialect),
    instances: instanceStore(database, dialect),
    async ping(): Promise<void> {
      await database.query('SELECT version FROM latchkey_schema LIMIT 1', [], 'find');
    },
    close: () => database.close(),
  });
}
