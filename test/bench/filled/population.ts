import { createHash } from 'node:crypto';
import type { NewSession } from 'latchkey';

// Who is in a filled store: a pure function of a number, so that whoever fills a store and whoever uses it agree, and
// nobody has to keep a million ids. Of each thousand sessions 50 have expired, 100 were revoked in the last hour, and
// 850 are alive. Users have one to five sessions.

export type SessionKind = 'expired' | 'revoked' | 'live';

/** As many sessions differ in more than their names; the others are copies of these under other names. */
export const TEMPLATES = 1000;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** The settings that sessions have by default. */
const IDLE = 7 * DAY;
const ABSOLUTE = 30 * DAY;

export function kindOf(session: number): SessionKind {
  const place = session % TEMPLATES;
  if (place < 50) return 'expired';
  return place < 150 ? 'revoked' : 'live';
}

/** Whose sessions a store is filled with, and which of the templates each is a copy of. The same as functions and in SQL. */
export interface Layout {
  readonly userOf: (session: number) => number;
  readonly sqlUserOf: string;
  readonly placeOf: (session: number) => number;
  readonly sqlPlaceOf: string;
  /** How much earlier everything has happened. */
  readonly agoMs: number;
}

/** So many sessions of a layout. */
export interface Population {
  readonly sessions: number;
  readonly layout: Layout;
}

export function usersOf({ sessions, layout }: Population): number {
  return layout.userOf(sessions - 1) + 1;
}

/** Of 15 sessions in a row the first user has one, the second two, and the fifth five. */
export function userOf(session: number): number {
  const place = session % 15;
  const user = [1, 3, 6, 10, 15].findIndex((end) => place < end);
  return 5 * Math.floor(session / 15) + user;
}

/** What {@link kindOf} and {@link userOf} say. */
export const people: Layout = {
  userOf,
  sqlUserOf: `5 * (number / 15) + CASE WHEN number % 15 < 1 THEN 0 WHEN number % 15 < 3 THEN 1
    WHEN number % 15 < 6 THEN 2 WHEN number % 15 < 10 THEN 3 ELSE 4 END`,
  placeOf: (session) => session % TEMPLATES,
  sqlPlaceOf: `number % ${TEMPLATES}`,
  agoMs: 0,
};

/** Users with a hundred live sessions each. */
export const robots: Layout = {
  userOf: (session) => Math.floor(session / 100),
  sqlUserOf: 'number / 100',
  placeOf: (session) => 150 + (session % 850),
  sqlPlaceOf: '150 + number % 850',
  agoMs: 0,
};

/** Sessions that ended days ago and nobody has deleted. */
export const leftovers: Layout = {
  ...people,
  placeOf: (session) => session % 50,
  sqlPlaceOf: 'number % 50',
  agoMs: 4 * DAY,
};

export const sessionId = (session: number): string => nameOf(`s${session}`);
export const userId = (user: number): string => nameOf(`u${user}`);
export const saltOf = (session: number): string => nameOf(`x${session}`);

/** 22 characters of base64url, as our random ids have them. PostgreSQL computes the same: see `fill-sql.ts`. */
function nameOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 22);
}

/** What a browser's session looks like. */
export const NOTES = JSON.stringify({
  amr: ['pwd'],
  authTime: 1_790_000_000,
  device: 'Firefox on Windows',
  delivery: 'cookie',
});

/** The session that numbers of this place are copies of, before anything has happened to it. */
export function templateOf(place: number, now: number): NewSession & { readonly salt: string } {
  // Spread evenly, without a random number generator, so that runs are alike.
  const share = (place * 617) % 1000;
  const used =
    kindOf(place) === 'expired'
      ? now - IDLE - 5 * MINUTE - share * MINUTE
      : now - share * 5 * MINUTE;
  const createdAt = used - share * 10 * MINUTE;
  const expiresAt = createdAt + ABSOLUTE;
  return {
    id: nameOf(`template ${place}`),
    userId: nameOf(`template user ${place}`),
    kid: 'k1ABCDEF',
    salt: nameOf(`template salt ${place}`),
    generation: 0,
    rotatedAt: used,
    createdAt,
    lastUsedAt: used,
    idleExpiresAt: Math.min(used + IDLE, expiresAt),
    expiresAt,
    provider: undefined,
    data: NOTES,
  };
}

/** When a session of kind `revoked` was. */
export function revokedAt(session: number, now: number): number {
  return now - ((session * 617) % 1000) * 3500 - MINUTE;
}
