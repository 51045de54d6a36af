import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { freePort } from './free-port.js';

const run = promisify(execFile);

/** Where Debian keeps what is not on the path. */
const DEBIAN = '/usr/lib/postgresql';

function programs(): string | undefined {
  if (!existsSync(DEBIAN)) return undefined;
  const folders = readdirSync(DEBIAN).map((version) => path.join(DEBIAN, version, 'bin'));
  return folders.find((folder) => existsSync(path.join(folder, 'initdb')));
}

/** PostgreSQL refuses to run as root. */
function asServer(command: string, args: readonly string[]): [string, string[]] {
  const isRoot = userInfo().uid === 0;
  return isRoot ? ['runuser', ['-u', 'postgres', '--', command, ...args]] : [command, [...args]];
}

/** Whether a test can have a PostgreSQL of its own, with rules and TLS as it wants them. */
export const hasPostgresServer =
  programs() !== undefined && spawnSync('openssl', ['version']).status === 0;

export interface PostgresServer {
  readonly port: number;
  /** Runs statements as its superuser. */
  readonly run: (...statements: readonly string[]) => Promise<void>;
  readonly stop: () => Promise<void>;
}

/** Starts a PostgreSQL with a certificate that nobody has signed, and these lines of pg_hba.conf for all but `postgres`. */
export async function startPostgresServer(rules: readonly string[]): Promise<PostgresServer> {
  const bin = programs() ?? '';
  const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-postgres-'));
  chmodSync(folder, 0o777);
  const data = path.join(folder, 'data');
  await run(...asServer(path.join(bin, 'initdb'), ['-D', data, '-U', 'postgres', '-N']));
  const key = path.join(data, 'server.key');
  const certificate = ['-keyout', key, '-out', path.join(data, 'server.crt'), '-days', '2'];
  const making = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=localhost'];
  await run(...asServer('openssl', [...making, ...certificate]));
  await run(...asServer('chmod', ['600', key]));
  writeFileSync(
    path.join(data, 'pg_hba.conf'),
    ['host all postgres 127.0.0.1/32 trust', ...rules, ''].join('\n'),
  );
  const port = await freePort();
  appendFileSync(
    path.join(data, 'postgresql.conf'),
    `port=${port}\nlisten_addresses='127.0.0.1'\nunix_socket_directories=''\nfsync=off\nssl=on\n`,
  );
  const child = spawn(...asServer(path.join(bin, 'postgres'), ['-D', data]), { stdio: 'ignore' });
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await untilItAnswers(url, child);
  return {
    port,
    run: (...statements) => runAll(url, statements),
    async stop() {
      await run(...asServer(path.join(bin, 'pg_ctl'), ['-D', data, '-m', 'immediate', 'stop']));
      if (child.exitCode === null) await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function runAll(url: string, statements: readonly string[]): Promise<void> {
  const client = new Client(url);
  await client.connect();
  try {
    // Apart from each other: CREATE DATABASE is not possible among others.
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

async function untilItAnswers(url: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const isThere = await runAll(url, []).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    await wait(50);
  }
  throw new Error('PostgreSQL did not start');
}
