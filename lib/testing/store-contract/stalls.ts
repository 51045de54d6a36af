import assert from 'node:assert/strict';
import { PATIENCE_MS, type Store } from '../../stores/store.js';
import { type Check, NOW, pause, randomName } from './connections.js';
import { created as createdSession, DAY, end, newSession, rotation } from './new-session.js';
import { created as createdOrg, newMember, newOrg, ownersOf } from './new-org.js';
import { created as createdUser, newUser } from './new-user.js';

/** Holds up every change of the store, until the returned function is called. */
type Stall = () => Promise<() => Promise<void>>;

const BRIEFLY_MS = 700;
const life = { now: NOW, expiresAt: NOW + DAY };

/** A change, and how to see that nothing of it has happened. */
interface Attempt {
  readonly name: string;
  readonly run: (store: Store) => Promise<unknown>;
  readonly hasHappened: (store: Store) => Promise<boolean>;
}

async function sessionAttempts(store: Store): Promise<readonly Attempt[]> {
  const fresh = newSession();
  const { id } = await createdSession(store);
  const { id: userId } = await createdUser(store);
  const joined = newSession({ userId });
  const isThere = async ({ sessions }: Store, sessionId: string): Promise<boolean> =>
    (await sessions.get(sessionId)) !== undefined;
  return [
    {
      name: 'sessions.create',
      run: ({ sessions }) => sessions.create(fresh),
      hasHappened: (now) => isThere(now, fresh.id),
    },
    {
      name: 'sessions.rotate',
      run: ({ sessions }) => sessions.rotate(id, rotation),
      hasHappened: async ({ sessions }) => (await sessions.get(id))?.generation !== 0,
    },
    {
      name: 'sessions.update',
      run: ({ sessions }) => sessions.update(id, { version: 0, data: 'changed' }),
      hasHappened: async ({ sessions }) => (await sessions.get(id))?.version !== 0,
    },
    {
      name: 'sessions.revoke',
      run: ({ sessions }) => sessions.revoke({ id }, end),
      hasHappened: async ({ sessions }) => (await sessions.get(id))?.revokedAt !== undefined,
    },
    ...(store.sessions.joined
      ? [
          {
            name: 'sessions.joined.create',
            run: async ({ sessions }: Store) => sessions.joined?.create(joined, 0),
            hasHappened: (now: Store) => isThere(now, joined.id),
          },
        ]
      : []),
  ];
}

async function otherAttempts(store: Store): Promise<readonly Attempt[]> {
  const [added, taken] = [randomName(), randomName()];
  await store.once.add(taken, 'value', life);
  const fresh = newUser();
  const { id } = await createdUser(store);
  return [
    {
      name: 'once.add',
      run: ({ once }) => once.add(added, 'value', life),
      hasHappened: async ({ once }) => (await once.take(added, NOW)) !== undefined,
    },
    {
      name: 'once.take',
      run: ({ once }) => once.take(taken, NOW),
      hasHappened: async ({ once }) => (await once.take(taken, NOW)) === undefined,
    },
    {
      name: 'users.create',
      run: ({ users }) => users.create(fresh),
      hasHappened: async ({ users }) => (await users.findById(fresh.id)) !== undefined,
    },
    {
      name: 'users.update',
      run: ({ users }) => users.update(id, { version: 0, now: NOW, set: { roles: [] } }),
      hasHappened: async ({ users }) => (await users.findById(id))?.version !== 0,
    },
  ];
}

async function credentialAttempts(store: Store): Promise<readonly Attempt[]> {
  const common = { ownerId: randomName(), kind: 'x', data: '{}', createdAt: NOW };
  const newCredential = () => ({
    ...{ id: randomName(), hash: randomName(), expiresAt: undefined },
    ...common,
  });
  const [fresh, updated, revoked] = [newCredential(), newCredential(), newCredential()];
  for (const credential of [updated, revoked]) await store.credentials.create(credential);
  return [
    {
      name: 'credentials.create',
      run: ({ credentials }) => credentials.create(fresh),
      hasHappened: async ({ credentials }) =>
        (await credentials.findByHash(fresh.hash)) !== undefined,
    },
    {
      name: 'credentials.update',
      run: ({ credentials }) => credentials.update(updated.id, { from: '{}', to: 'changed' }),
      hasHappened: async ({ credentials }) =>
        (await credentials.findById(updated.id))?.data !== '{}',
    },
    {
      name: 'credentials.revoke',
      run: ({ credentials }) => credentials.revoke(revoked.id, NOW),
      hasHappened: async ({ credentials }) =>
        (await credentials.findById(revoked.id))?.revokedAt !== undefined,
    },
  ];
}

async function orgAttempts(store: Store): Promise<readonly Attempt[]> {
  const owners = [randomName(), randomName(), randomName()] as const;
  const [owner, demoted, removed] = owners;
  const { id } = await createdOrg(store, owners);
  const { id: deleted } = await createdOrg(store, [owner]);
  const [fresh, joining] = [newOrg(), newMember(id)];
  return [
    {
      name: 'orgs.create',
      run: ({ orgs }) => orgs.create(fresh, joining.userId),
      hasHappened: async ({ orgs }) =>
        (await orgs.get(fresh.id)) !== undefined ||
        (await orgs.membershipsOf(joining.userId, { limit: 9 })).length > 0,
    },
    {
      name: 'orgs.update',
      run: ({ orgs }) => orgs.update(id, { version: 0, now: NOW, name: 'changed' }),
      hasHappened: async ({ orgs }) => (await orgs.get(id))?.version !== 0,
    },
    {
      name: 'orgs.delete',
      run: ({ orgs }) => orgs.delete(deleted),
      hasHappened: async ({ orgs }) => (await orgs.getMember(deleted, owner)) === undefined,
    },
    {
      name: 'orgs.addMember',
      run: ({ orgs }) => orgs.addMember(joining),
      hasHappened: async ({ orgs }) => (await orgs.getMember(id, joining.userId)) !== undefined,
    },
    {
      name: 'orgs.setRoles',
      run: ({ orgs }) => orgs.setRoles(id, demoted, ['viewer']),
      hasHappened: async (now) => !(await ownersOf(now, id)).includes(demoted),
    },
    {
      name: 'orgs.removeMember',
      run: ({ orgs }) => orgs.removeMember(id, removed),
      hasHappened: async ({ orgs }) => (await orgs.getMember(id, removed)) === undefined,
    },
  ];
}

/** Checks for a store that the caller can hold up. Everything waits in one check, for about a second more than the patience. */
export function stallChecks(stall: Stall): Readonly<Record<string, Check>> {
  return {
    'every change: held up for longer than the patience it rejects and never happens; rotatedAt counts a shorter wait':
      async ({ one, two }) => {
        const attempts = [
          ...(await sessionAttempts(one)),
          ...(await otherAttempts(one)),
          ...(await credentialAttempts(one)),
          ...(await orgAttempts(one)),
        ];
        const { id } = await createdSession(two);
        const release = await stall();
        const { outcomes, rotating } = await (async () => {
          try {
            const running = Promise.allSettled(attempts.map(({ run }) => run(one)));
            await pause(PATIENCE_MS + 300);
            const brief = two.sessions.rotate(id, rotation);
            await pause(BRIEFLY_MS);
            return { outcomes: running, rotating: brief.catch(() => undefined) };
          } finally {
            await release();
          }
        })();
        const rotated = await rotating;
        const settled = await outcomes;
        // What reaches the database late would have done so by now.
        await pause(300);
        const breaches: string[] = [];
        for (const [at, { name, hasHappened }] of attempts.entries()) {
          if (settled[at]?.status !== 'rejected') breaches.push(`${name} did not reject`);
          if (await hasHappened(two)) breaches.push(`${name} has happened`);
        }
        assert.deepEqual(breaches, []);
        const heldUpMs = (rotated?.rotatedAt ?? 0) - rotation.now;
        assert.ok(heldUpMs >= BRIEFLY_MS / 2, `rotatedAt is ${heldUpMs} ms after the call`);
        assert.ok(heldUpMs < PATIENCE_MS);
      },
  };
}
