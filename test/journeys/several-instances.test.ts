import { randomInt } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { createAuth, openStore } from 'latchkey';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  bearer,
  createClient,
  PASSWORD,
  SECRET,
  serveAuth,
  type Tokens,
} from '../world/auth-server.js';
import { comeAgain } from '../world/come-again.js';
import { type AuthProcess, startAuthProcess } from '../world/auth-process.js';
import { sharedStores } from '../world/every-store.js';

const stores = await sharedStores(11);
const USERS = ['ann', 'ben', 'cay', 'dan'];

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

/** Another instance each time. */
const signIn = async (clients: readonly Client[], username: string): Promise<Tokens> => {
  const answer = await comeAgain(() =>
    atRandom(clients).post('/api/auth/login', { username, password: PASSWORD }),
  );
  expect(answer.status).toBe(200);
  return (await answer.json()) as Tokens;
};

const atRandom = <Item>(items: readonly Item[]): Item => items[randomInt(items.length)] as Item;

interface Session {
  tokens: Tokens;
  rotations: number;
  isRevoked: boolean;
}

/** So many, a quarter of which are not revoked. As many at once as there are workers. */
const SESSIONS = 12;
const WORKERS = 8;

/** Signs in, refreshes and revokes at random instances. Returns every session. */
async function useAtRandom(clients: readonly Client[]): Promise<Session[]> {
  const all: Session[] = [];

  async function useOne(at: number): Promise<void> {
    const tokens = await signIn(clients, atRandom(USERS));
    const session = { tokens, rotations: 0, isRevoked: at % 4 > 0 };
    all.push(session);
    for (let round = randomInt(9); round > 0; round -= 1) {
      const { refresh_token: token } = session.tokens;
      const answer = await comeAgain(() => refresh(atRandom(clients), token));
      expect(answer.status).toBe(200);
      session.tokens = (await answer.json()) as Tokens;
      session.rotations += 1;
    }
    const end = atRandom([revoke, logOut]);
    if (session.isRevoked) await comeAgain(() => end(atRandom(clients), session.tokens));
  }

  let started = 0;
  async function worker(): Promise<void> {
    while (started < SESSIONS) await useOne(started++);
  }
  await Promise.all(Array.from({ length: WORKERS }, worker));
  return all;
}

/** Refreshes without a pause. What fails is asked again with the same token, as a good client does. */
function refreshOnAndOn(client: Client, { refresh_token: first }: Tokens) {
  let latest = first;
  let rotations = 0;
  const ending = new AbortController();

  /** The successor; undefined when there was no answer, or none that could be read. */
  async function ask(firstSentAt: number): Promise<string | undefined> {
    const answer = await refresh(client, latest).catch(() => undefined);
    const body = await answer?.json().catch(() => undefined);
    if (answer === undefined || body === undefined || answer.status === 503) return undefined;
    if (answer.status === 200) return (body as Tokens).refresh_token;
    const afterMs = Date.now() - firstSentAt;
    throw new Error(`refused ${afterMs} ms after it was first sent: ${JSON.stringify(body)}`);
  }

  async function work(): Promise<void> {
    let firstSentAt = Date.now();
    while (!ending.signal.aborted) {
      const successor = await ask(firstSentAt);
      if (successor === undefined) {
        await wait(50);
        continue;
      }
      latest = successor;
      rotations += 1;
      firstSentAt = Date.now();
    }
  }
  return {
    rotations: () => rotations,
    /** Rejects when a token was refused. */
    working: work(),
    end: () => ending.abort(),
  };
}

for (const { name, url, isMissing, create, drop } of stores)
  describe.skipIf(isMissing)(`on ${name}`, () => {
    /** One for all tests: they take long to start. The test's own process is another one. */
    let running: AuthProcess;

    beforeAll(async () => {
      await create();
      await addUsers(url);
      running = await startAuthProcess(url);
      return async () => {
        await running.stop();
        await drop();
      };
    });

    it('100 refreshes at once: 100 times 200, one rotation, one successor', async () => {
      const store = openStore(url);
      onTestFinished(() => store.close());
      // Longer than a busy machine takes for all of them.
      const server = await serveAuth({ store, sessions: { graceSeconds: 60 } });
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

    it('two processes, log-ins, refreshes and revocations at random: nothing is lost, nothing revoked lives', async () => {
      const store = openStore(url);
      onTestFinished(() => store.close());
      const ours = await serveAuth({
        store,
        sessions: { graceSeconds: 60, revocationLagSeconds: 1 },
      });
      const clients = [ours, createClient({ origin: running.origin })];
      const all = await useAtRandom(clients);
      for (const { tokens, rotations } of all)
        expect(tokens.refresh_token.split('.')[3]).toBe(String(rotations));

      const accepted = async ({ tokens }: Session): Promise<boolean[]> => {
        const answers = await Promise.all(
          clients.map((client) => comeAgain(() => client.get('/api/me', bearer(tokens)))),
        );
        return answers.map(({ status }) => status === 200);
      };
      // An instance hears of what another one revoked within the lag; a busy machine may need longer.
      for (const session of all.filter(({ isRevoked }) => isRevoked))
        await vi.waitUntil(async () => !(await accepted(session)).includes(true), {
          timeout: 60_000,
          interval: 250,
        });
      for (const session of all.filter(({ isRevoked }) => !isRevoked))
        expect(await accepted(session)).toEqual([true, true]);
      for (const { tokens, isRevoked } of all) {
        const { status } = await comeAgain(() => refresh(atRandom(clients), tokens.refresh_token));
        expect(status).toBe(isRevoked ? 401 : 200);
      }
    }, 120_000);

    it('kill -9 under load and a new start: no client that tries again is logged out', async () => {
      const { origin } = running;
      const client = createClient({ origin });
      const signedIn = await Promise.all(USERS.map((user) => client.signIn(user)));
      const clients = signedIn.map((tokens) => refreshOnAndOn(client, tokens));
      const working = Promise.all(clients.map((each) => each.working));
      const counts = (): number[] => clients.map(({ rotations }) => rotations());

      /** Waits until each client has refreshed so often again. Rejects when one of them is refused. */
      async function load(times: number): Promise<void> {
        const goals = counts().map((count) => count + times);
        while (counts().some((count, at) => count < (goals[at] ?? 0)))
          await Promise.race([wait(5), working]);
      }

      for (const port of Array<number>(2).fill(Number(new URL(origin).port))) {
        await load(3);
        // At any moment of a refresh.
        await wait(randomInt(50));
        await running.kill();
        running = await startAuthProcess(url, { port });
      }
      await load(3);
      for (const { end } of clients) end();
      await working;
    }, 120_000);
  });
