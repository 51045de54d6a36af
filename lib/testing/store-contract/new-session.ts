import type { NewSession, Rotation, Store } from '../../stores/store.js';
import { NOW, randomName } from './connections.js';

export const HOUR = 3_600_000;
export const DAY: number = 24 * HOUR;

export function newSession(given: Partial<NewSession> = {}): NewSession {
  return {
    id: randomName(),
    userId: randomName(),
    kid: 'key-one',
    salt: randomName(),
    generation: 0,
    rotatedAt: NOW,
    createdAt: NOW,
    lastUsedAt: NOW,
    idleExpiresAt: NOW + DAY,
    expiresAt: NOW + 30 * DAY,
    provider: undefined,
    data: '{}',
    ...given,
  };
}

export async function created(store: Store, given: Partial<NewSession> = {}): Promise<NewSession> {
  const session = newSession(given);
  await store.sessions.create(session);
  return session;
}

export const rotation: Rotation = {
  generation: 0,
  kid: 'key-two',
  now: NOW + 5,
  idleExpiresAt: NOW + 2 * DAY,
};
/** When and why a session is revoked. */
export const end: { readonly now: number; readonly reason: string } = {
  now: NOW + 7,
  reason: 'logout',
};
