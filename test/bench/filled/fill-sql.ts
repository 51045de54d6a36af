import type { Store } from 'latchkey';
import { kindOf, type Population, revokedAt, TEMPLATES, templateOf } from './population.js';

/** A connection of the bench's own to the database that a store is in. */
export interface RawSql {
  readonly run: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** The columns of a table that can be written. */
  readonly columnsOf: (table: string) => Promise<readonly string[]>;
  /** Makes the temporary tables `bench_names` (number, id, salt, user_id) and `bench_users` (number, id). */
  readonly nameAll: (population: Population) => Promise<void>;
  /** The next number of a revocation. */
  readonly revocationNumber: string;
  /** Does what the database does by itself in time after so many new rows. */
  readonly settle: () => Promise<void>;
}

/**
 * Fills a store. It writes a thousand sessions by itself. The others are copies of their rows under other names, made by
 * the database: each is what the store writes, whatever the columns are.
 */
export async function fillSql(store: Store, raw: RawSql, population: Population): Promise<void> {
  const { sessions, layout } = population;
  const now = Date.now() - layout.agoMs;
  await writeTemplates(store, now);
  await raw.nameAll(population);
  await raw.run('CREATE TEMP TABLE bench_places (id TEXT, place INTEGER)');
  const places = Array.from({ length: TEMPLATES }, (_, place) => place);
  await raw.run(
    `INSERT INTO bench_places VALUES ${places.map((place) => `('${templateOf(place, now).id}', ${place})`).join(', ')}`,
  );
  await raw.run('BEGIN');
  await copyRows(raw, {
    table: 'latchkey_sessions',
    templates: 'JOIN bench_places USING (id)',
    copies: `bench_names JOIN bench_templates ON place = ${layout.sqlPlaceOf}`,
    own: {
      id: 'bench_names.id',
      salt: 'bench_names.salt',
      user_id: 'bench_names.user_id',
      revoked_seq: `CASE WHEN bench_templates.revoked_seq IS NOT NULL THEN ${raw.revocationNumber} END`,
    },
  });
  await copyRows(raw, {
    table: 'latchkey_users',
    templates: "WHERE username = 'bench'",
    copies: 'bench_users CROSS JOIN bench_templates',
    own: {
      id: 'bench_users.id',
      username: "'user' || number",
      email: "'user' || number || '@example.com'",
    },
  });
  // A value and a counter for each twenty sessions.
  await copyRows(raw, {
    table: 'latchkey_once',
    templates: "WHERE key LIKE '%bench-template'",
    copies: `bench_names CROSS JOIN bench_templates WHERE number < ${sessions / 20}`,
    own: { key: "REPLACE(key, 'bench-template', bench_names.id)" },
  });
  await raw.run('COMMIT');
  for (const table of ['places', 'names', 'users']) await raw.run(`DROP TABLE bench_${table}`);
  await raw.settle();
}

interface Copy {
  readonly table: string;
  /** Which of its rows are the templates. They are deleted in the end. */
  readonly templates: string;
  readonly copies: string;
  /** What each copy has of its own. */
  readonly own: Readonly<Record<string, string>>;
}

async function copyRows(raw: RawSql, { table, templates, copies, own }: Copy): Promise<void> {
  await raw.run(`CREATE TEMP TABLE bench_templates AS SELECT * FROM ${table} ${templates}`);
  const columns = await raw.columnsOf(table);
  const key = columns.includes('id') ? 'id' : 'key';
  await raw.run(`DELETE FROM ${table} WHERE ${key} IN (SELECT ${key} FROM bench_templates)`);
  await raw.run(
    `INSERT INTO ${table} (${columns.join(', ')})
     SELECT ${columns.map((column) => own[column] ?? `bench_templates.${column}`).join(', ')}
     FROM ${copies}`,
  );
  await raw.run('DROP TABLE bench_templates');
}

const HOUR_MS = 3_600_000;

async function writeTemplates(store: Store, now: number): Promise<void> {
  for (let place = 0; place < TEMPLATES; place += 1) {
    const session = templateOf(place, now);
    await store.sessions.create(session);
    if (kindOf(place) === 'revoked')
      await store.sessions.revoke(
        { id: session.id },
        { now: revokedAt(place, now), reason: 'bench' },
      );
  }
  const user = { ...NOBODY, id: 'template', username: 'bench', createdAt: now, updatedAt: now };
  await store.users.create(user);
  await store.once.add('bench-template', 'value', { now, expiresAt: now + HOUR_MS });
  await store.once.incr('bench-template', { now, windowMs: HOUR_MS });
}

const NOBODY = {
  email: undefined,
  emailVerified: true,
  // As long as a real one.
  passwordHash: `$argon2id$v=19$m=19456,t=2,p=1$${'A'.repeat(22)}$${'B'.repeat(43)}`,
  mustResetPassword: false,
  disabled: false,
  roles: ['member'],
  groups: [],
  attributes: {},
  orgs: [],
} as const;
