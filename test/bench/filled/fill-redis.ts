import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Redis } from 'ioredis';
import type { Store } from 'latchkey';
import {
  kindOf,
  type Population,
  revokedAt,
  saltOf,
  sessionId,
  TEMPLATES,
  templateOf,
  userId,
} from './population.js';

/** Fills a store. Revocations, values and counters are made by the store itself. */
export async function fillRedis(store: Store, port: number, population: Population): Promise<void> {
  await fillRedisSessions(store, port, population);
  await fillOnce(store, population.sessions / 20);
  await revokeSome(store, population);
}

/**
 * Sessions alone. The store creates a thousand while we listen. The others are the same commands under other names, sent in
 * bulk: Redis is told what the store tells it, whatever the keys are.
 */
export async function fillRedisSessions(
  store: Store,
  port: number,
  { sessions, layout }: Population,
): Promise<void> {
  const templates = await listenToTemplates(store, port, Date.now() - layout.agoMs);
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const replies = countReplies(socket);
  let sent = 0;
  for (let from = 0; from < sessions; from += BATCH) {
    const messages: string[] = [];
    for (let session = from; session < Math.min(sessions, from + BATCH); session += 1) {
      const template = templates[layout.placeOf(session)];
      if (!template) continue;
      messages.push(renamed(template, session, layout.userOf(session)));
      sent += template.commands;
    }
    socket.write(messages.join(''));
    await replies.reach(sent - BATCH);
  }
  await replies.reach(sent);
  socket.destroy();
}

const BATCH = 1000;
const HOUR_MS = 3_600_000;

interface Template {
  /** What the store sends for it, in Redis' own form. All names have the same length, so they can be replaced. */
  readonly message: string;
  /** Of session, user and salt. */
  readonly names: readonly [string, string, string];
  readonly commands: number;
}

/** What a client says about itself, and our own mark. */
const OURS = new Set(['client', 'echo', 'hello', 'info', 'ping']);

async function listenToTemplates(
  store: Store,
  port: number,
  now: number,
): Promise<readonly Template[]> {
  const client = new Redis(port);
  // Makes the scripts known, so that what we hear is what every later session is made of.
  await store.sessions.create({ ...templateOf(0, now), id: 'A'.repeat(22) });
  const monitor = await client.monitor();
  let heard: string[][] = [];
  monitor.on('monitor', (_time: string, command: string[], source: string) => {
    if (source !== 'lua') heard.push(command);
  });
  const templates: Template[] = [];
  for (let place = 0; place < TEMPLATES; place += 1) {
    heard = [];
    await store.sessions.create(templateOf(place, now));
    const mark = `heard ${place}`;
    await client.echo(mark);
    while (heard.at(-1)?.[1] !== mark) await new Promise(setImmediate);
    const commands = heard.filter(([name = '']) => !OURS.has(name.toLowerCase()));
    const { id, userId: user, salt } = templateOf(place, now);
    const message = commands.map(encodeCommand).join('');
    templates.push({ message, names: [id, user, salt], commands: commands.length });
  }
  monitor.disconnect();
  await client.flushdb();
  client.disconnect();
  return templates;
}

/** A command as Redis reads it (RESP). */
function encodeCommand(parts: readonly string[]): string {
  const bodies = parts.map((part) => `$${Buffer.byteLength(part)}\r\n${part}\r\n`);
  return `*${parts.length}\r\n${bodies.join('')}`;
}

function renamed(template: Template, session: number, user: number): string {
  const [id, owner, salt] = template.names;
  return template.message
    .replaceAll(id, sessionId(session))
    .replaceAll(owner, userId(user))
    .replaceAll(salt, saltOf(session));
}

/** Counts the replies that have come. Rejects when one of them is an error. */
function countReplies(socket: Socket) {
  let count = 0;
  let rest = '';
  let error: Error | undefined;
  socket.on('data', (bytes) => {
    const lines = (rest + bytes.toString('latin1')).split('\r\n');
    rest = lines.pop() ?? '';
    count += lines.length;
    const refused = lines.find((line) => line.startsWith('-'));
    if (refused !== undefined) error ??= new Error(`Redis answered ${refused}`);
  });
  return {
    /** Resolves when so many replies have come. They are numbers and words, of one line each. */
    async reach(goal: number): Promise<void> {
      while (count < goal && !error) await new Promise(setImmediate);
      if (error) throw error;
    },
  };
}

async function fillOnce(store: Store, entries: number): Promise<void> {
  const now = Date.now();
  await inParallel(entries, async (entry) => {
    const key = `bench-${sessionId(entry)}`;
    await store.once.add(key, 'value', { now, expiresAt: now + HOUR_MS });
    await store.once.incr(key, { now, windowMs: HOUR_MS });
  });
}

async function revokeSome(store: Store, { sessions, layout }: Population): Promise<void> {
  const now = Date.now();
  await inParallel(sessions, async (session) => {
    if (kindOf(layout.placeOf(session)) !== 'revoked') return;
    const at = { now: revokedAt(session, now), reason: 'bench' };
    const revoked = await store.sessions.revoke({ id: sessionId(session) }, at);
    if (revoked.length !== 1) throw new Error('a session that was created is not there');
  });
}

async function inParallel(count: number, work: (at: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: 500 }, worker));
}
