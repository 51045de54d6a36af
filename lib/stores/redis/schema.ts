import { createScript, type Script, textsOf } from './scripts.js';

/**
 * Which format rows are written in. Releases 0.2 to 0.4 keep a session as a hash, and the ids of all users and revocations
 * in one key each. Where they may have written, their format is written for a day more, so that their instances
 * understand everything while they are being replaced; both formats are always read.
 */
export interface Schema {
  /** From when on the compact format is written, by the server's clock; 0 where no older release ever wrote. */
  readonly compactFrom: () => Promise<number>;
  /** The same, once it has been asked. */
  readonly known: () => number | undefined;
  /** Whether there may be rows and keys of an older release. */
  readonly isMixed: () => Promise<boolean>;
}

interface SchemaContext {
  readonly isCluster: boolean;
  readonly prefix: string;
  readonly send: (command: string, key: string, ...args: readonly string[]) => Promise<unknown>;
  readonly run: (script: Script, key: string, ...args: readonly string[]) => Promise<unknown>;
  readonly keyOf: (kind: string) => string;
}

const MIXED_MS = 86_400_000;

/** whether the database is new: decides for all instances, once. */
const decide = createScript(`
local known = redis.call('GET', KEYS[1])
if known then return known end
local compactFrom = '0'
if ARGV[1] ~= 'new' then
  compactFrom = string.format('%.0f', redis.call('TIME')[1] * 1000 + ${MIXED_MS})
end
redis.call('SET', KEYS[1], compactFrom)
return compactFrom`);

export function createSchema(context: SchemaContext): Schema {
  let known: number | undefined;
  let reading: Promise<number> | undefined;

  async function read(): Promise<number> {
    const key = context.keyOf('schema');
    let reply = await context.send('GET', key);
    if (typeof reply !== 'string')
      reply = await context.run(decide, key, (await isNew(context)) ? 'new' : 'old');
    known = Number(reply);
    return known;
  }

  async function compactFrom(): Promise<number> {
    if (known !== undefined) return known;
    reading ??= read().finally(() => (reading = undefined));
    return reading;
  }

  return { compactFrom, known: () => known, isMixed: async () => (await compactFrom()) > 0 };
}

const SCANS = 200;

/** Whether no key begins with our prefix. In doubt there are some: a cluster cannot be asked through one connection, nor a very full database in short time. */
async function isNew({ isCluster, prefix, send }: SchemaContext): Promise<boolean> {
  if (isCluster) return false;
  const pattern = `${prefix.replace(/[\\*?[\]]/g, String.raw`\$&`)}{*`;
  let cursor = '0';
  for (let count = 0; count < SCANS; count += 1) {
    // oxlint-disable-next-line no-await-in-loop
    const [next = '0', ...keys] = textsOf(
      // oxlint-disable-next-line no-await-in-loop
      await send('SCAN', cursor, 'MATCH', pattern, 'COUNT', '1000'),
    );
    if (keys.length > 0) return false;
    if (next === '0') return true;
    cursor = next;
  }
  return false;
}
