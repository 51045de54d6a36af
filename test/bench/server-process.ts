import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { FromServer, Sample, Scenario, ToServer } from './server-messages.js';

/** The server under test, seen from the load generator's process. */
export interface ServerProcess {
  readonly port: number;
  readonly sample: () => Promise<Sample>;
  readonly close: () => Promise<void>;
}

export async function startServer(scenario: Scenario): Promise<ServerProcess> {
  const child = fork(fileURLToPath(new URL('./server.ts', import.meta.url)), {
    env: { ...process.env, NODE_ENV: 'production' },
  });
  const ask = async (message: ToServer): Promise<FromServer> => {
    child.send(message);
    return nextMessage(child);
  };
  const started = await ask({ type: 'start', scenario });
  if (started.type !== 'listening') throw new Error('the server answered out of turn');
  return {
    port: started.port,
    async sample() {
      const answer = await ask({ type: 'sample' });
      if (answer.type !== 'sample') throw new Error('the server answered out of turn');
      return answer.sample;
    },
    async close() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

const PATIENCE_MS = 20_000;

async function nextMessage(child: ChildProcess): Promise<FromServer> {
  const gone = new AbortController();
  const onExit = () => gone.abort(new Error('the server process ended early'));
  child.once('exit', onExit);
  const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    const [message] = (await once(child, 'message', { signal })) as [FromServer];
    return message;
  } finally {
    child.off('exit', onExit);
  }
}
