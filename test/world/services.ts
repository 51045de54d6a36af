import { connect } from 'node:net';

/** Where PostgreSQL is for tests; each test file makes a schema of its own there. */
export const postgresUrl =
  process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';

/** Where Redis is for tests; each test file uses keys with a beginning of its own. */
export const redisUrl = process.env.TEST_REDIS_URL ?? 'redis://127.0.0.1:6379';

/**
 * Whether to leave tests out because a service isn't there. Says so in plain words. Never in CI, where a missing
 * service is a failure.
 */
export async function isMissing(name: string, url: string): Promise<boolean> {
  if (process.env.CI || (await isListening(url))) return false;
  console.log(`Skipped: the tests that need ${name}, because nothing answers at ${hostOf(url)}.`);
  return true;
}

function hostOf(url: string): string {
  return new URL(url).host;
}

function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    const answer = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(2000, () => answer(false));
    socket.once('connect', () => answer(true)).once('error', () => answer(false));
  });
}
