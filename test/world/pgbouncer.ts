import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { postgresUrl } from './services.js';
import { freePort } from './free-port.js';

/** Debian installs it where only root looks. */
const programs = ['pgbouncer', '/usr/sbin/pgbouncer'];

const program = programs.find((name) => spawnSync(name, ['--version']).status === 0);

/** Whether to leave tests out because PgBouncer is not installed. Never in CI. */
export function isPgBouncerMissing(): boolean {
  if (process.env.CI || program !== undefined) return false;
  console.log('Skipped: the tests through PgBouncer, because it is not installed.');
  return true;
}

export interface PgBouncer {
  readonly url: string;
  readonly close: () => Promise<void>;
}

/** A PgBouncer of the test's own, in transaction mode, with `search_path` set once per database. */
export async function startPgBouncer(searchPath: string): Promise<PgBouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-pgbouncer-'));
  chmodSync(folder, 0o755);
  const { hostname, port, pathname, username, password } = new URL(postgresUrl);
  const ownPort = await freePort();
  const file = join(folder, 'pgbouncer.ini');
  const server = `host=${hostname} port=${port || '5432'} dbname=${pathname.slice(1)} user=${username}`;
  writeFileSync(
    file,
    `[databases]
own = ${server}${password && ` password=${decodeURIComponent(password)}`} connect_query='SET search_path = ${searchPath}'
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${ownPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
`,
  );
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const args = isRoot ? ['-u', 'nobody', file] : [file];
  const child = spawn(program ?? 'pgbouncer', ['-q', ...args], { stdio: 'ignore' });
  await untilItListens(ownPort, child);
  return {
    url: `postgres://any@127.0.0.1:${ownPort}/own`,
    async close() {
      child.kill('SIGINT');
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function untilItListens(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    const isThere = await new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isThere) return;
    await sleep(50);
  }
  throw new Error('PgBouncer did not start');
}
