import { postgresStore } from 'latchkey';
import { Client, type ClientConfig, Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { addUser, PASSWORD, serveAuth } from '../world/auth-server.js';
import { createPostgresSchema } from '../world/postgres-schema.js';
import { isMissing, postgresUrl } from '../world/services.js';

/** What instances do by themselves, now and then. */
const BACKGROUND =
  /latchkey_instances|revoked_seq (?:>|IS NULL)|SKIP LOCKED|LISTEN|pg_notify|pg_index/i;

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
            if (!BACKGROUND.test(String(text))) sent.push(String(text));
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

  it('a log-in takes four: two counts, the user, the session; a refresh three', async () => {
    const { server, sent } = await world();
    await addUser(server);
    // The schema is there, and the first refund of a count is on its way.
    await server.signIn('alice');
    await new Promise((resolve) => setTimeout(resolve, 300));
    sent.length = 0;
    const { refresh_token: token } = await server.signIn('alice', PASSWORD);
    expect(sent, sent.join('\n')).toHaveLength(4);
    await new Promise((resolve) => setTimeout(resolve, 300));
    sent.length = 0;
    const response = await server.post('/api/auth/refresh', { refresh_token: token });
    expect(response.status).toBe(200);
    expect(sent, sent.join('\n')).toHaveLength(3);
  });
});
