import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Systems hand out ports from 32,768 on, to whatever listens or connects next. One of those that was free a moment ago may be taken
 * before a process of ours listens there, and its first answer come from something else.
 */
const LOWEST = 16_000;
const EACH = 1500;

/** Each worker has ports of its own. Runs that go on at the same time begin elsewhere among them. */
const first = LOWEST + (Number(process.env['VITEST_POOL_ID'] ?? 0) % 10) * EACH;
let next = process.pid % EACH;

/** A port on which nothing listens, and that neither the system nor another worker hands out. */
export async function freePort(): Promise<number> {
  const port = first + (next++ % EACH);
  return (await isFree(port)) ? port : freePort();
}

async function isFree(port: number): Promise<boolean> {
  // On all addresses: some processes listen on one, some on all.
  const server = createServer().listen(port);
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
