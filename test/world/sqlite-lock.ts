import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export interface SqliteLock {
  /** Ends the transaction and the process that held it. */
  release(): Promise<void>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

const HOLD = `
import Database from 'libsql';
const [path, begin] = process.argv.slice(1);
const database = new Database(path);
database.exec(begin);
console.log('locked');
process.stdin.once('end', () => { database.exec('COMMIT'); process.exit(); }).resume();
`;

/** Another process that holds the write lock of a file (or, with `BEGIN EXCLUSIVE`, all of it) until it is released. */
export async function holdSqliteLock(path: string, begin = 'BEGIN IMMEDIATE'): Promise<SqliteLock> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', HOLD, path, begin], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return {
    async release() {
      child.stdin.end();
      await ended;
    },
  };
}
