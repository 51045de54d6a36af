import { randomInt } from 'node:crypto';
import { createAuth, openStore } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  bearer,
  createClient,
  PASSWORD,
  SECRET,
  serveAuth,
  type Tokens,
} from '../world/auth-server.js';
import { startAuthProcess } from '../world/auth-process.js';
import { sharedStores } from '../world/every-store.js';

const stores = await sharedStores(11);
const USERS = ['ann', 'ben', 'cay', 'dan', 'eve', 'fay'];

async function addUsers(url: string): Promise<void> {
  const store = openStore(url);
  const auth = createAuth({
    env: {},
    publicUrl: 'http://localhost:3000',
    jwt: { secret: SECRET },
    store,
    onWarning: () => undefined,
  });
  const passwordHash = await auth.passwords.hash(PASSWORD);
  for (const username of USERS)
    if (!(await auth.users.findByLogin(username)))
      await auth.users.create({ username, passwordHash });
  await auth.close();
  await store.close();
}

type Client = ReturnType<typeof createClient<{ origin: string }>>;

const refresh = (client: Client, token: string): Promise<Response> =>
  client.post('/api/auth/refresh', { refresh_token: token });

const revoke = (client: Client, tokens: Tokens): Promise<Response> =>
  client.post('/api/auth/revoke', { refresh_token: tokens.refresh_token });

const logOut = (client: Client, tokens: Tokens): Promise<Response> =>
  client.post('/api/auth/logout', {}, bearer(tokens));

const atRandom = <Item>(items: readonly Item[]): Item => items[randomInt(items.length)] as Item;

for (const { name, url, isMissing, create, drop } of stores)
  describe.skipIf(isMissing)(`on ${name}`, () => {
    beforeAll(async () => {
      await create();
      await addUsers(url);
    });
    afterAll(drop);

    it('100 refreshes at once: 100 times 200, one rotation, one successor', async () => {
      const store = openStore(url);
      onTestFinished(() => store.close());
      const server = await serveAuth({ store });
      const { refresh_token: token } = await server.signIn('ann');
      const answers = await Promise.all(
        Array.from({ length: 100 }, () =>
          server.post('/api/auth/refresh', { refresh_token: token }),
        ),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array(100).fill(200));
      const successors = await Promise.all(
        answers.map(async (answer) => (await answer.json()) as Tokens),
      );
      expect(new Set(successors.map((tokens) => tokens.refresh_token)).size).toBe(1);
      expect(server.events.filter((event) => event.name === 'refresh.rotated')).toHaveLength(1);
      expect(successors[0]?.refresh_token.split('.')[3]).toBe('1');
    });

    it('two processes, 1,000 log-ins, refreshes and revocations: nothing is lost, nothing revoked lives', async () => {
      const processes = await Promise.all([startAuthProcess(url), startAuthProcess(url)]);
      onTestFinished(async () => {
        await Promise.all(processes.map((process) => process.stop()));
      });
      const clients = processes.map(createClient<{ origin: string }>);
      const all: { tokens: Tokens; rotations: number; isRevoked: boolean }[] = [];
      let steps = 0;

      async function worker(): Promise<void> {
        while (steps < 1000) {
          steps += 1;
          const session = {
            tokens: await atRandom(clients).signIn(atRandom(USERS)),
            rotations: 0,
            isRevoked: false,
          };
          all.push(session);
          for (let round = randomInt(5); round > 0; round -= 1) {
            steps += 1;
            const answer = await refresh(atRandom(clients), session.tokens.refresh_token);
            expect(answer.status).toBe(200);
            session.tokens = (await answer.json()) as Tokens;
            session.rotations += 1;
          }
          if (randomInt(3) === 0) {
            steps += 1;
            session.isRevoked = true;
            const end = atRandom([revoke, logOut]);
            await end(atRandom(clients), session.tokens);
          }
        }
      }
      await Promise.all(Array.from({ length: 8 }, worker));
      expect(all.filter(({ isRevoked }) => isRevoked).length).toBeGreaterThan(20);

      for (const { tokens, rotations } of all)
        expect(tokens.refresh_token.split('.')[3]).toBe(String(rotations));
      // As long as the other instance may take to hear of it.
      await new Promise((resolve) => setTimeout(resolve, 5000));
      for (const { tokens, isRevoked } of all)
        for (const client of clients) {
          const answer = await client.get('/api/me', bearer(tokens));
          expect(answer.status).toBe(isRevoked ? 401 : 200);
        }
      for (const { tokens, isRevoked } of all)
        expect((await refresh(atRandom(clients), tokens.refresh_token)).status).toBe(
          isRevoked ? 401 : 200,
        );
    }, 120_000);

    it('kill -9 under load and a new start: no client that tries again is logged out', async () => {
      const first = await startAuthProcess(url);
      const { origin } = first;
      const client = createClient({ origin });
      const sessions = await Promise.all(USERS.map((user) => client.signIn(user)));
      const ending = new AbortController();
      let restarts = 0;

      /** Refreshes without a pause. What fails is asked again with the same token, as a good client does. */
      async function refreshOnAndOn(tokens: Tokens): Promise<number> {
        let latest = tokens.refresh_token;
        let rotations = 0;
        while (!ending.signal.aborted) {
          const answer = await refresh(client, latest).catch(() => undefined);
          if (answer?.status === 200) {
            latest =
              ((await answer.json().catch(() => undefined)) as Tokens | undefined)?.refresh_token ??
              latest;
            rotations += 1;
          } else if (answer !== undefined && answer.status !== 503)
            throw new Error(`refresh answered ${answer.status} after ${restarts} restarts`);
          else await new Promise((resolve) => setTimeout(resolve, 50));
        }
        return rotations;
      }
      const working = Promise.all(sessions.map(refreshOnAndOn));
      let running = first;
      for (restarts = 1; restarts <= 3; restarts += 1) {
        await new Promise((resolve) => setTimeout(resolve, 500 + randomInt(500)));
        await running.kill();
        running = await startAuthProcess(url, Number(new URL(origin).port));
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
      ending.abort();
      const rotations = await working;
      await running.stop();
      expect(Math.min(...rotations)).toBeGreaterThan(3);
    }, 60_000);
  });
