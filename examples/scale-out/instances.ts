import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface Instance {
  readonly pid: number;
  readonly port: number;
  /** Resolves when it has ended, with its exit code or the signal that ended it. */
  readonly ended: Promise<number | string>;
  readonly kill: (signal: 'SIGTERM' | 'SIGKILL') => void;
}

/** Starts an instance, and waits until it listens. */
export async function startInstance(script: string, env: NodeJS.ProcessEnv): Promise<Instance> {
  const child = fork(script, { env: { ...env, PORT: '0' } });
  const ended = once(child, 'exit').then(
    ([code, signal]: (number | string | null)[]) => signal ?? code ?? 0,
  );
  const port = await Promise.race([once(child, 'message').then(portOf), ended.then(failed)]);
  return { pid: child.pid ?? 0, port, ended, kill: (signal) => void child.kill(signal) };
}

function portOf([message]: unknown[]): number {
  if (typeof message === 'object' && message !== null && 'port' in message)
    return Number(message.port);
  throw new Error('an instance has to say which port it listens on');
}

function failed(reason: number | string): never {
  throw new Error(`an instance ended before it listened (${reason})`);
}
