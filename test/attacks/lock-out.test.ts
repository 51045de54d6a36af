import { describe, expect, it } from 'vitest';
import {
  addUser,
  type AuthServer,
  PASSWORD,
  serveAuth,
  type Tokens,
} from '../world/auth-server.js';
import { createClock } from '../world/clock.js';

const login = ({ post }: AuthServer, body: object) => post('/api/auth/login', body);

async function bytesOf(response: Response): Promise<string> {
  const headers = [...response.headers].filter(([name]) => !['date', 'ratelimit'].includes(name));
  const partitionless = headers.map(([name, value]) => [name, value.replace(/pk=:[^:]*:/g, 'pk=')]);
  return JSON.stringify([response.status, partitionless, await response.text()]);
}

const hashes = ({ auth }: AuthServer): number => auth.passwords.counters().finished;

const eventsOf = ({ events }: AuthServer, name: string) =>
  events.filter((entry) => entry.name === name).map(({ event }) => event);

describe('L3 a lock-out', () => {
  it('a client without cookies shows by its device token that it has signed in before', async () => {
    const server = await serveAuth({ loginLimit: { max: 3, windowSeconds: 900 } });
    await addUser(server, { email: 'alice@example.com' });
    const right = { username: 'alice', password: PASSWORD };
    const { device_token } = (await (await login(server, right)).json()) as Tokens;
    expect(device_token).toMatch(/^[\w.-]{100,2000}$/);
    for (const name of [{ username: 'alice' }, { email: 'alice@example.com' }])
      for (let attempt = 0; attempt < 4; attempt += 1)
        await login(server, { ...name, password: 'x' });
    expect((await login(server, right)).status).toBe(429);
    expect((await login(server, { ...right, device_token: 'x'.repeat(100) })).status).toBe(429);
    expect((await login(server, { ...right, device_token })).status).toBe(200);
    const byEmail = { email: 'alice@example.com', password: PASSWORD, device_token };
    const again = (await (await login(server, byEmail)).json()) as Tokens;
    // It has its limit, too, and is a stranger to all other accounts.
    const wrong = { ...right, password: 'x', device_token: again.device_token };
    const statuses = [];
    for (let attempt = 0; attempt < 4; attempt += 1)
      statuses.push((await login(server, wrong)).status);
    expect(statuses).toEqual([401, 401, 401, 429]);
    const others = [];
    for (let attempt = 0; attempt < 4; attempt += 1)
      others.push((await login(server, { ...wrong, username: `bob` })).status);
    expect(others).toEqual([401, 401, 401, 429]);
  });

  it('a 429 says how long, in the header and in the body', async () => {
    const clock = createClock();
    const server = await serveAuth({ now: clock.now, loginLimit: { max: 1, windowSeconds: 900 } });
    await login(server, { username: 'alice', password: 'x' });
    const until = new Date(clock.now() + 900_000).toISOString();
    clock.advance(300);
    const answer = await login(server, { username: 'alice', password: 'x' });
    expect(answer.headers.get('retry-after')).toBe('600');
    expect(await answer.json()).toMatchObject({ retry_after: 600, retry_at: until });
  });
});

describe('L3 the names of one account', () => {
  const limited = { loginLimit: { max: 3, windowSeconds: 900 } };
  const tries = (name: string) => [
    { username: name, password: 'a' },
    { username: name.toUpperCase(), password: 'b' },
    { email: `${name}@example.com`, password: 'c' },
    { username: name, password: PASSWORD },
    { email: `${name}@EXAMPLE.com`, password: PASSWORD },
    { email: `${name}@example.com`, password: 'd' },
    { email: `${name}@example.com`, password: PASSWORD },
  ];

  it('share one count, and the answers are those of names without an account', async () => {
    const server = await serveAuth(limited);
    const { id } = await addUser(server, { email: 'alice@example.com' });
    const answers: Record<string, string[]> = { alice: [], nobody: [] };
    for (const name of ['alice', 'nobody'])
      for (const attempt of tries(name)) {
        const before = hashes(server);
        const bytes = await bytesOf(await login(server, attempt));
        const withoutTimes = bytes.replace(/"retry_at[^,]*,|\d+/g, '');
        answers[name]?.push(`${hashes(server) - before} ${withoutTimes}`);
      }
    expect(answers['alice']).toEqual(answers['nobody']);
    expect(await server.auth.sessions.list(id)).toEqual([]);
    expect(eventsOf(server, 'login.failed')).toContainEqual(
      expect.objectContaining({ reason: 'too_many', userId: id }),
    );
  });

  it('successes under either name do not count', async () => {
    const server = await serveAuth({ loginLimit: { max: 2, windowSeconds: 900 } });
    await addUser(server, { email: 'alice@example.com' });
    for (let attempt = 0; attempt < 6; attempt += 1) {
      const name = attempt % 2 ? { username: 'alice' } : { email: 'alice@example.com' };
      expect((await login(server, { ...name, password: PASSWORD })).status).toBe(200);
      // Given back behind the reply.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
});
