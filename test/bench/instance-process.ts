import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SECRET } from '../world/auth-server.js';
import type { InstanceAnswer, InstanceQuestion, Lag, Numbered } from './instance-messages.js';

/** An instance of the application, seen from the bench. */
export interface Instance {
  readonly origin: string;
  /** How late its event loop has been since this was asked last. */
  readonly lag: () => Promise<Lag>;
  readonly events: () => Promise<Readonly<Record<string, number>>>;
  /** Revokes the sessions of so many users. Returns how many tries it took. */
  readonly revoke: (users: number) => Promise<number>;
  /** When it refused so many sessions. */
  readonly refusedAt: (sessions: number) => Promise<number>;
  readonly close: () => Promise<void>;
}

export async function startInstance(storeUrl: string): Promise<Instance> {
  const child = fork(fileURLToPath(new URL('./instance.ts', import.meta.url)));
  const exit = once(child, 'exit');
  let asked = 0;

  async function ask<Type extends InstanceAnswer['type']>(
    message: InstanceQuestion,
    type: Type,
  ): Promise<Extract<InstanceAnswer, { type: Type }>> {
    asked += 1;
    const number = asked;
    const answered = new Promise<InstanceAnswer>((resolve) => {
      const listen = (reply: Numbered<InstanceAnswer>): void => {
        if (reply.number !== number) return;
        child.off('message', listen);
        resolve(reply.message);
      };
      child.on('message', listen);
    });
    child.send({ number, message } satisfies Numbered<InstanceQuestion>);
    const answer = await Promise.race([
      answered,
      exit.then((): InstanceAnswer => ({ type: 'failed', error: 'it ended early' })),
    ]);
    if (!isOfType(answer, type)) throw new Error(`an instance failed: ${JSON.stringify(answer)}`);
    return answer;
  }

  const { origin } = await ask({ type: 'start', storeUrl, secret: SECRET }, 'started');
  return {
    origin,
    lag: async () => (await ask({ type: 'lag' }, 'lag')).lag,
    events: async () => (await ask({ type: 'events' }, 'events')).events,
    revoke: async (users) => (await ask({ type: 'revoke', users }, 'revoked')).tries,
    refusedAt: async (sessions) => (await ask({ type: 'refuse', sessions }, 'refused')).at,
    async close() {
      child.kill('SIGKILL');
      await exit;
    },
  };
}

function isOfType<Type extends InstanceAnswer['type']>(
  answer: InstanceAnswer,
  type: Type,
): answer is Extract<InstanceAnswer, { type: Type }> {
  return answer.type === type;
}
