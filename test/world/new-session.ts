import { randomBytes } from 'node:crypto';
import type { Store } from 'latchkey';

type NewSession = Parameters<Store['sessions']['create']>[0];

const DAY_MS = 86_400_000;
const randomName = (): string => randomBytes(16).toString('base64url');

/** A session of the usual size that began at `now`. */
export function newSession(change: Partial<NewSession> = {}, now = 1_800_000_000_000): NewSession {
  return {
    id: randomName(),
    userId: randomName(),
    kid: randomBytes(6).toString('base64url'),
    salt: randomName(),
    generation: 0,
    rotatedAt: now,
    createdAt: now,
    lastUsedAt: now,
    idleExpiresAt: now + 14 * DAY_MS,
    expiresAt: now + 30 * DAY_MS,
    provider: undefined,
    data: JSON.stringify({ client: 'web', agent: 'x'.repeat(106) }),
    ...change,
  };
}
