import { memoryStore } from 'latchkey';
import { storeContract } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { wrapStore } from '../../lib/stores/wrap-store.js';

describe('a wrapped store', () => {
  const store = memoryStore();
  const operations = Object.entries(store).flatMap(([part, member]) =>
    typeof member === 'object' ? Object.keys(member).map((name) => `${part}.${name}`) : [part],
  );
  const announced: string[] = [];
  const called: string[] = [];

  /** Notes which member is called. */
  function watched<Part extends object>(part: Part, prefix = ''): Part {
    // A copy: for a frozen member a proxy must answer what it is.
    return new Proxy(
      { ...part },
      {
        get(target, member, receiver): unknown {
          const name = `${prefix}${String(member)}`;
          const value: unknown = Reflect.get(target, member, receiver);
          if (typeof value !== 'function' || !operations.includes(name)) return value;
          return (...given: unknown[]): unknown => {
            called.push(name);
            return Reflect.apply(value, target, given);
          };
        },
      },
    );
  }

  const inner = watched({
    ...store,
    sessions: watched(store.sessions, 'sessions.'),
    once: watched(store.once, 'once.'),
    users: watched(store.users, 'users.'),
    credentials: watched(store.credentials, 'credentials.'),
    orgs: watched(store.orgs, 'orgs.'),
    instances: watched(store.instances, 'instances.'),
  });
  const wrapped = wrapStore(
    (operation, run) => {
      announced.push(operation);
      return run(inner);
    },
    { together: false, joined: false },
  );

  for (const { title, run } of storeContract(() => ({ ...wrapped, close: async () => undefined })))
    it(`keeps the contract: ${title}`, run);

  it('announces each operation by its name', () => {
    expect(announced).toEqual(called);
    expect([...new Set(announced)].toSorted()).toEqual(
      operations.filter((name) => !['close', 'sessions.onRevoked'].includes(name)).toSorted(),
    );
  });
});
