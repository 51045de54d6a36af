import { memoryStore } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { ADA, linkingApp } from '../world/linking-app.js';

/** Ada, as another system has left her: under another address than the provider knows her by. */
async function worldOfAda(options: Parameters<typeof linkingApp>[0] = {}) {
  const world = await linkingApp(options);
  const { auth, corp } = world;
  const ada = await auth.users.create({ username: 'ada', email: 'ada@home.example' });
  const identity = { provider: 'corp', issuer: corp.issuer, subject: String(ADA['sub']) };
  return { ...world, ada, identity };
}

describe('auth.identities.add()', () => {
  it('lets a user who was brought along sign in at the provider as before', async () => {
    const { auth, ada, identity, visit } = await worldOfAda();
    const link = await auth.identities.add(ada.id, identity);
    expect(link).toMatchObject({ ...identity, userId: ada.id, isAdded: false });
    expect((await visit(ADA)).user?.id).toBe(ada.id);
    expect(await auth.identities.list(ada.id)).toMatchObject([{ id: link.id }]);
  });

  it('changes nothing when it is called again, as an import is that was interrupted', async () => {
    const { auth, ada, identity } = await worldOfAda();
    const links = [1, 2, 3].map(() => auth.identities.add(ada.id, identity));
    expect(new Set((await Promise.all(links)).map(({ id }) => id)).size).toBe(1);
    expect(await auth.identities.list(ada.id)).toHaveLength(1);
  });

  it('takes no identity away from another user, however many ask at once', async () => {
    const { auth, ada, identity, visit } = await worldOfAda();
    const ben = await auth.users.create({ username: 'ben' });
    const asked = [ada, ben].map(({ id }) => auth.identities.add(id, identity));
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    await expect(Promise.all(asked)).rejects.toMatchObject({ code: 'CONFLICT', status: 409 });
    const winner = outcomes[0]?.status === 'fulfilled' ? ada : ben;
    expect((await visit(ADA)).user?.id).toBe(winner.id);
  });

  it('counts as added where there is another way in, and raises no session until it has aged', async () => {
    const { auth, ada, identity } = await worldOfAda();
    await auth.users.update(ada.id, { passwordHash: await auth.passwords.hash('x'.repeat(15)) });
    expect(await auth.identities.add(ada.id, identity)).toMatchObject({ isAdded: true });
  });

  it('takes what a deleted user has left behind, once it can be no sign-up in progress', async () => {
    const { auth, ada, identity, later } = await worldOfAda();
    const ben = await auth.users.create({ username: 'ben' });
    const { id: left } = await auth.identities.add(ben.id, identity);
    await auth.users.delete(ben.id);
    await expect(auth.identities.add(ada.id, identity)).rejects.toMatchObject({ code: 'CONFLICT' });
    later(601);
    const { id } = await auth.identities.add(ada.id, identity);
    expect(id).not.toBe(left);
    expect(await auth.identities.list(ada.id)).toMatchObject([{ id }]);
    expect(await auth.identities.list(ben.id)).toEqual([]);
  });

  it('links nothing to a user who is not there', async () => {
    const { auth, identity, visit } = await worldOfAda();
    const added = auth.identities.add('nobody', identity);
    await expect(added).rejects.toMatchObject({ code: 'NOT_FOUND', status: 404 });
    expect(await auth.identities.list('nobody')).toEqual([]);
    expect((await visit(ADA)).user?.username).not.toBe('nobody');
  });

  it('links nothing to a user who is deleted meanwhile', async () => {
    const store = memoryStore();
    const { auth, ada, identity } = await worldOfAda({
      options: {
        store: {
          ...store,
          credentials: {
            ...store.credentials,
            async create(row) {
              await store.users.delete(row.ownerId);
              await store.credentials.create(row);
            },
          },
        },
      },
    });
    const added = auth.identities.add(ada.id, identity);
    await expect(added).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await auth.identities.list(ada.id)).toEqual([]);
  });

  it.each([
    { title: 'no provider', change: { provider: '' }, word: 'provider' },
    { title: 'an issuer that is no URL', change: { issuer: 'google' }, word: 'issuer' },
    {
      title: 'an issuer that is a URL object, whose text may differ from the token',
      change: { issuer: new URL('https://accounts.google.com') },
      word: 'issuer',
    },
    { title: 'no subject', change: { subject: '' }, word: 'subject' },
    { title: 'a subject that is a number', change: { subject: 12 }, word: 'subject' },
    { title: 'a misspelt member', change: { sub: 'x' }, word: 'sub' },
  ])('refuses $title by a TypeError', async ({ change, word }) => {
    const { auth, ada, identity } = await worldOfAda();
    const added = auth.identities.add(ada.id, { ...identity, ...change } as typeof identity);
    await expect(added).rejects.toThrow(TypeError);
    await expect(added).rejects.toThrow(word);
  });
});
