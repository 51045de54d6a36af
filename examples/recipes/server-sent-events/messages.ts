import type { Principal } from 'latchkey';

/** To whom. An id is unique within its issuer only. */
type Recipient = Pick<Principal, 'issuer' | 'subject'>;

export interface Message {
  /** Later ones have greater ids. */
  readonly id: number;
  readonly content: unknown;
}

export interface Messages {
  send(to: Recipient, content: unknown): void;
  /** Id of the last message to anybody. */
  lastId(): number;
  /** What came after the message with this id, as a client sends it; nothing without one. */
  since(recipient: Recipient, id: unknown): readonly Message[];
  /** Calls back for every message from now on. Returns what ends it. */
  subscribe(recipient: Recipient, listener: (message: Message) => void): () => void;
}

/**
 * Keeps the last messages of all users in memory. With several instances, or to lose none at a restart, keep them in a
 * database instead, whose ids go on, and let it tell of new ones (PostgreSQL: LISTEN; Redis: streams).
 */
export function createMessages(most = 1000): Messages {
  const kept: { readonly to: string; readonly message: Message }[] = [];
  const listeners = new Map<string, Set<(message: Message) => void>>();
  let lastId = 0;
  return {
    send(recipient, content) {
      const to = nameOf(recipient);
      lastId += 1;
      const message = { id: lastId, content };
      kept.push({ to, message });
      if (kept.length > most) kept.shift();
      for (const listener of listeners.get(to) ?? []) listener(message);
    },
    lastId: () => lastId,
    since(recipient, id) {
      const name = nameOf(recipient);
      const after = typeof id === 'string' && /^\d+$/.test(id) ? Number(id) : lastId;
      const found = kept.filter(({ to, message }) => to === name && message.id > after);
      return found.map(({ message }) => message);
    },
    subscribe(recipient, listener) {
      const name = nameOf(recipient);
      const ofName = listeners.get(name) ?? new Set();
      listeners.set(name, ofName.add(listener));
      return () => {
        // Once: by a second time others may listen under the name.
        if (ofName.delete(listener) && ofName.size === 0) listeners.delete(name);
      };
    },
  };
}

/** Of a user, for maps. */
export function nameOf({ issuer, subject }: Recipient): string {
  return JSON.stringify([issuer, subject]);
}
