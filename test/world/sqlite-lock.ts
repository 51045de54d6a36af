import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface SqliteLock {
  /** Ends the transaction. */
  release(): Promise<void>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

const HOLDER = `
import { createInterface } from 'node:readline';
import Database from 'libsql';
const held = new Map();
for await (const line of createInterface({ input: process.stdin })) {
  const { id, path, begin } = JSON.parse(line);
  if (begin) {
    const database = new Database(path);
    held.set(id, database);
    database.exec(begin);
  } else {
    held.get(id).exec('COMMIT');
    held.get(id).close();
    held.delete(id);
  }
  console.log(id);
}
`;

interface Order {
  readonly id: string;
  readonly path: string;
  /** Undefined ends what was begun. */
  readonly begin?: string;
}

let holder: ((order: Order) => Promise<void>) | undefined;

/** Starts the process that holds all locks of this one, for it takes longer to start than most locks are held. It ends with this process. */
function startHolder(): (order: Order) => Promise<void> {
  const args = ['--input-type=module', '-e', HOLDER];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] });
  process.once('exit', () => child.kill('SIGKILL'));
  const waiting = new Map<string, () => void>();
  createInterface({ input: child.stdout }).on('line', (id) => waiting.get(id)?.());
  return (order) =>
    new Promise((resolve) => {
      waiting.set(order.id, resolve);
      child.stdin.write(`${JSON.stringify(order)}\n`);
    });
}

/** Another process that holds the write lock of a file (or, with `BEGIN EXCLUSIVE`, all of it) until it is released. */
export async function holdSqliteLock(path: string, begin = 'BEGIN IMMEDIATE'): Promise<SqliteLock> {
  holder ??= startHolder();
  const tell = holder;
  const id = randomUUID();
  await tell({ id, path, begin });
  return { release: () => tell({ id, path }) };
}
