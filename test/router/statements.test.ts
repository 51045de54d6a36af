import { postgresStore } from 'latchkey';
import { Client, type ClientConfig, Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { addUser, PASSWORD, serveAuth } from '../world/auth-server.js';
import { createPostgresSchema } from '../world/postgres-schema.js';
import { isMissing, postgresUrl } from '../world/services.js';

describe.skipIf(await isMissing('PostgreSQL', postgresUrl))('statements of a request', () => {
  const schema = createPostgresSchema();
  beforeAll(() => schema.create());
  afterAll(() => schema.drop());

  /** An application whose connections count what is sent to the database. */
  async function world() {
    const sent: string[] = [];
    class CountingClient extends Client {
      constructor(config?: ClientConfig) {
        super(config);
        const query: (...given: unknown[]) => unknown = this.query.bind(this);
        Object.assign(this, {
          query(...given: unknown[]): unknown {
            const [first] = given;
            const text =
              typeof first === 'object' && first !== null && 'text' in first ? first.text : first;
            sent.push(String(text));
            return query(...given);
          },
        });
      }
    }
    const pool = new Pool({ connectionString: schema.url, Client: CountingClient });
    const store = postgresStore(pool);
    const server = await serveAuth({ store });
    onTestFinished(async () => {
      await server.auth.close();
      await store.close();
      await pool.end();
    });
    await server.auth.ready();
    return { server, sent };
  }

  it('a log-in takes six: two limits, the user, the session, endings before and after; a refresh three', async () => {
    const { server, sent } = await world();
    await addUser(server);
    /** The fewest of several tries: what instances do by themselves comes now and then, and only adds. */
    async function fewest(step: () => Promise<unknown>): Promise<number> {
      const counts: number[] = [];
      for (let tries = 0; tries < 6; tries += 1) {
        // Refunds of counts wait a moment for company.
        await new Promise((resolve) => setTimeout(resolve, 250));
        sent.length = 0;
        await step();
        counts.push(sent.length);
      }
      return Math.min(...counts);
    }
    expect(await fewest(() => server.signIn('alice', PASSWORD))).toBe(6);
    let { refresh_token: token } = await server.signIn('alice');
    expect(
      await fewest(async () => {
        const response = await server.post('/api/auth/refresh', { refresh_token: token });
        ({ refresh_token: token } = (await response.json()) as { refresh_token: string });
      }),
    ).toBe(3);
  });
});
