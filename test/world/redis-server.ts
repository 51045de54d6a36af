import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from './free-port.js';

export interface RedisServer {
  readonly port: number;
  readonly url: string;
  readonly stop: () => Promise<void>;
}

/** Whether a test or bench can have a Redis of its own, to stop it or to fill it. */
export const hasRedisServer = spawnSync('redis-server', ['--version']).status === 0;

/** Starts a Redis that keeps nothing on disk, on a free port. It ends with this process at the latest. */
export async function startRedisServer(...args: readonly string[]): Promise<RedisServer> {
  // A port that was free can be taken by the time Redis asks for it, and somebody else would answer there.
  for (let attempt = 0; attempt < 5; attempt += 1) {
    const server = await startOn(await freePort(), args);
    if (server) return server;
  }
  throw new Error('redis-server did not start');
}

async function startOn(port: number, args: readonly string[]): Promise<RedisServer | undefined> {
  // Replication passes files through its folder, and a start reads what it finds there.
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-redis-'));
  const child = spawn(
    'redis-server',
    [
      ...['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
      // A replica is sent the data at once, instead of after five seconds in which others may ask for them as well.
      ...['--repl-diskless-sync-delay', '0', ...args],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  async function stop(): Promise<void> {
    process.off('exit', kill);
    await end(child);
    rmSync(folder, { recursive: true, force: true });
  }
  if (!(await hasPort(child))) {
    await stop();
    return undefined;
  }
  while (!(await isListening(port))) await wait(20);
  return { port, url: `redis://127.0.0.1:${port}`, stop };
}

/** Whether it got its port: it says so after it has. */
function hasPort({ stdout }: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    let output = '';
    stdout?.on('data', (chunk) => {
      output += String(chunk);
      if (/Running mode=|Ready to accept connections/.test(output)) resolve(true);
    });
    stdout?.once('end', () => resolve(false));
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (isThere: boolean) => (): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', answer(true)).once('error', answer(false));
  });
}
