import { randomUUID } from 'node:crypto';
import { createAuth, openStore } from 'latchkey';
import { SECRET } from './auth-server.js';
import { callAgain } from './come-again.js';

/** Begins sessions of as many users, as any instance with {@link SECRET} would. Returns their refresh tokens. */
export async function beginSessions(storeUrl: string, count: number): Promise<readonly string[]> {
  const store = openStore(storeUrl);
  const auth = createAuth({
    env: {},
    publicUrl: 'http://localhost:3000',
    jwt: { secret: SECRET },
    store,
    onWarning: () => undefined,
  });
  const tokens: string[] = [];
  for (let at = 0; at < count; at += 1) {
    // Another name at each attempt: an account whose answer came too late may be there.
    const user = await callAgain(() => auth.users.create({ username: randomUUID() }));
    const { refreshToken } = await callAgain(() =>
      auth.sessions.start(user, {
        amr: ['pwd'],
        authTime: Date.now() / 1000,
        acr: undefined,
        device: undefined,
        delivery: 'body',
      }),
    );
    tokens.push(refreshToken);
  }
  await auth.close();
  await store.close();
  return tokens;
}
