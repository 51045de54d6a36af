import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SECRET } from './auth-server.js';
import { bundle } from './bundle.js';

export interface AuthProcess {
  readonly origin: string;
  /** Ends it like a power cut: without notice, with work unfinished. */
  kill(): Promise<void>;
  /** Asks it to end, and returns its exit code. */
  stop(): Promise<number | null>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

let code: Promise<string> | undefined;

export interface AuthProcessOptions {
  /** @defaultValue any free one */
  readonly port?: number;
  /** @defaultValue `60` */
  readonly graceSeconds?: number;
}

/** Starts an instance on a store, and waits until it listens. */
export async function startAuthProcess(
  storeUrl: string,
  { port = 0, graceSeconds = 60 }: AuthProcessOptions = {},
): Promise<AuthProcess> {
  code ??= bundle('test/world/auth-process-main.ts');
  const bundled = await code;
  const child = spawn(process.execPath, ['--input-type=module'], {
    // Where Node finds the dependencies.
    cwd: root,
    env: {
      ...process.env,
      AUTH_STORE_URL: storeUrl,
      AUTH_JWT_SECRET: SECRET,
      PORT: String(port),
      GRACE_SECONDS: String(graceSeconds),
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(bundled);
  const bound = await portOf(child);
  return {
    origin: `http://127.0.0.1:${bound}`,
    async kill() {
      child.kill('SIGKILL');
      await ended(child);
    },
    async stop() {
      child.kill('SIGTERM');
      return ended(child);
    },
  };
}

async function portOf(child: ChildProcess): Promise<number> {
  let output = '';
  for await (const chunk of child.stdout ?? []) {
    output += String(chunk);
    const [, port] = /port (\d+)/.exec(output) ?? [];
    if (port) return Number(port);
  }
  throw new Error('the instance ended before it listened');
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return child.exitCode;
}
