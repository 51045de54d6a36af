import { randomBytes } from 'node:crypto';
import { openStore, type Store } from 'latchkey';
import { Client } from 'pg';
import { onTestFinished } from 'vitest';
import { createPostgresSchema } from './postgres-schema.js';

export const NOW = 1_800_000_000_000;
export const DAY_MS = 86_400_000;

type OnFinished = (end: () => Promise<void>) => void;
type NewSession = Parameters<Store['sessions']['create']>[0];

export function newSession(given: Partial<NewSession> = {}): NewSession {
  return {
    id: randomBytes(16).toString('base64url'),
    userId: 'alice',
    kid: 'key-one',
    salt: 'salt',
    generation: 0,
    rotatedAt: NOW,
    createdAt: NOW,
    lastUsedAt: NOW,
    idleExpiresAt: NOW + DAY_MS,
    expiresAt: NOW + 30 * DAY_MS,
    provider: undefined,
    data: '{}',
    ...given,
  };
}

/**
 * A schema of the test's own, without tables yet, and a connection to look into it. Both end with the test; one that runs beside
 * others gives its own `onFinished`.
 */
export async function postgresWorld(onFinished: OnFinished = onTestFinished) {
  const schema = createPostgresSchema();
  await schema.create();
  onFinished(() => schema.drop());
  const name = `latchkey-${randomBytes(6).toString('hex')}`;
  const url = new URL(schema.url);
  url.searchParams.set('application_name', name);
  const client = await connectPostgres(schema.url, onFinished);
  return {
    url: url.href,
    client,
    /** Ends all connections that were opened with this URL, as a restart of the server does. */
    endConnections: async (): Promise<void> => {
      await client.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
        [name],
      );
    },
    openStore: (): Store => {
      const store = openStore(url.href);
      onFinished(() => store.close());
      return store;
    },
  };
}

export async function connectPostgres(
  url: string,
  onFinished: OnFinished = onTestFinished,
): Promise<Client> {
  const client = new Client(url);
  client.on('error', () => undefined);
  await client.connect();
  onFinished(() => client.end());
  return client;
}
