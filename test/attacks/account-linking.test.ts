import { setTimeout as wait } from 'node:timers/promises';
import { type AuthOptions, memoryStore } from 'latchkey';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADA,
  linkingApp as world,
  type LinkingApp as World,
  type Said,
} from '../world/linking-app.js';
import { addUser } from '../world/auth-server.js';
import { sharedStores } from '../world/every-store.js';
import { startHostileProvider } from '../world/hostile-provider.js';
import { createHttpBrowser } from '../world/http-browser.js';
import { AS_SCRIPT, refusalOn, userOf } from '../world/signed-in.js';

const stores = await sharedStores(9);

const DENIED = { status: 403, code: 'LOGIN_DENIED' };

const isCallback = (url: URL): boolean => url.pathname.startsWith('/api/auth/callback');

describe('C12 an e-mail address that somebody here has already', () => {
  it('says nothing when the provider has not verified it: an account of its own, without it', async () => {
    const { app, visit, users } = await world({ trustEmail: true });
    const local = await addUser(app, { email: 'ada@corp.example', emailVerified: true });
    const { user } = await visit({ ...ADA, email_verified: false });
    expect(user).toBeDefined();
    expect(user?.id).not.toBe(local.id);
    expect(user).not.toHaveProperty('email');
    expect(await users()).toHaveLength(2);
  });

  it.each([
    { title: 'verified by a provider that is not trusted', trust: false, local: true },
    { title: 'verified by a trusted provider, not by us', trust: true, local: false },
    { title: 'verified by nobody whose word counts', trust: false, local: false },
  ])('$title, it neither joins nor makes an account', async ({ trust, local }) => {
    const { app, visit, users } = await world({ trustEmail: trust });
    await addUser(app, { email: 'ada@corp.example', emailVerified: local });
    expect((await visit(ADA)).refusal).toEqual(DENIED);
    expect(await users()).toHaveLength(1);
    expect(app.events.map(({ name, event }) => ({ name, event }))).toMatchObject([
      { name: 'login.failed', event: { reason: 'account_exists', provider: 'corp' } },
    ]);
  });

  it.each([
    { title: 'as it stands', email: 'ada@corp.example' },
    { title: 'in another spelling', email: 'ADA@Corp.Example' },
  ])('verified by both, it joins the accounts for good ($title)', async ({ email }) => {
    const { app, visit, users } = await world({ trustEmail: true });
    const local = await addUser(app, { email: 'ada@corp.example', emailVerified: true });
    expect((await visit({ ...ADA, email })).user?.id).toBe(local.id);
    expect(app.events[0]).toMatchObject({ name: 'identity.linked', event: { by: 'email' } });
    // From now on issuer and subject are what counts.
    expect((await visit({ sub: ADA['sub'], email: 'new@corp.example' })).user?.id).toBe(local.id);
    expect(await users()).toHaveLength(1);
  });

  it.each([
    { title: 'text that means yes', verified: 'yes' },
    { title: 'a number', verified: 1 },
    { title: 'a list', verified: [true] },
  ])('email_verified as $title is not verified', async ({ verified }) => {
    const { app, visit } = await world({ trustEmail: true });
    const local = await addUser(app, { email: 'ada@corp.example', emailVerified: true });
    const { user } = await visit({ ...ADA, email_verified: verified });
    expect(user?.id).not.toBe(local.id);
  });

  it('does not let another user of the provider in who shows it, too', async () => {
    const { visit, users } = await world();
    const first = await visit(ADA);
    expect(first.user).toMatchObject({ email: 'ada@corp.example' });
    expect((await visit({ ...ADA, sub: 'somebody-else' })).refusal).toEqual(DENIED);
    expect((await visit(ADA)).user?.id).toBe(first.user?.id);
    expect(await users()).toHaveLength(1);
  });

  it('does not count as verified here because an untrusted provider said so', async () => {
    const { visit, users } = await world();
    await visit(ADA);
    expect((await users()).map(({ emailVerified }) => emailVerified)).toEqual([false]);
  });
});

describe('C12 who is who', () => {
  it('equal subjects of two providers are two users', async () => {
    const { visit, users } = await world();
    const here = await visit({ sub: 'user-1' });
    const there = await visit({ sub: 'user-1' }, 'other');
    expect(here.user).toBeDefined();
    expect(there.user).toBeDefined();
    expect(here.user?.id).not.toBe(there.user?.id);
    expect(await users()).toHaveLength(2);
  });

  it.each([
    { title: 'in upper case', sub: 'ADA-THERE' },
    { title: 'with a space', sub: 'ada-there ' },
    { title: 'as what JSON makes of two', sub: 'ada-there",0]' },
  ])('a subject $title is somebody else', async ({ sub }) => {
    const { visit } = await world();
    const ada = await visit({ sub: 'ada-there' });
    const lookAlike = await visit({ sub });
    expect(lookAlike.user).toBeDefined();
    expect(lookAlike.user?.id).not.toBe(ada.user?.id);
  });

  it('a user name of somebody here is given to nobody else', async () => {
    const { app, visit } = await world();
    const local = await addUser(app, { username: 'ada' });
    const { user } = await visit({ sub: 'ada-there', preferred_username: 'ada' });
    expect(user?.id).not.toBe(local.id);
    expect(user?.username).toMatch(/^corp-[\da-f]{12}$/);
  });

  it("a user name that looks like somebody's address is not taken", async () => {
    const { visit } = await world();
    const { user } = await visit({ sub: 'eve', preferred_username: 'ada@corp.example' });
    expect(user?.username).toMatch(/^corp-[\da-f]{12}$/);
  });

  it('roles of the provider count for nothing by themselves', async () => {
    const { visit, users } = await world();
    await visit({ ...ADA, roles: ['admin'], groups: ['staff'], orgs: ['acme'] });
    await visit({ ...ADA, roles: ['admin'] });
    expect(await users()).toMatchObject([{ roles: [], groups: [], orgs: [] }]);
  });

  it('a user who is disabled does not come in', async () => {
    const { auth, origin, visit, users } = await world();
    const { user, browser } = await visit(ADA);
    await auth.users.update(user?.id ?? '', { disabled: true });
    expect((await visit(ADA)).refusal).toEqual(DENIED);
    expect(await userOf(browser, origin)).toBeUndefined();
    expect(await users()).toHaveLength(1);
  });

  it('a user who was deleted comes back as a new one', async () => {
    const { auth, visit } = await world();
    const { user } = await visit({ ...ADA, roles: ['admin'] });
    await auth.users.update(user?.id ?? '', { roles: ['admin'] });
    await auth.users.delete(user?.id ?? '');
    expect((await visit(ADA)).user).toMatchObject({ roles: [] });
  });
});

describe('C12 joining an identity with the account that is signed in', () => {
  it('is done when its user asks for it, and either way in leads to the same user then', async () => {
    const { app, origin, visit, enter, speakOf, link, users } = await world();
    const alice = await addUser(app);
    const browser = createHttpBrowser();
    await enter(browser, 'alice');
    speakOf(ADA);
    const page = await link(browser);
    expect(page.url).toBe(`${origin}/inside`);
    expect((await userOf(browser, origin))?.id).toBe(alice.id);
    expect((await visit(ADA)).user?.id).toBe(alice.id);
    expect(await users()).toMatchObject([{ id: alice.id, email: undefined }]);
    const linked = app.events.filter(({ name }) => name === 'identity.linked');
    expect(linked).toMatchObject([
      { event: { userId: alice.id, provider: 'corp', by: 'request' } },
    ]);
  });

  it('works a second time, and for a second provider', async () => {
    const { app, auth, origin, other, visit, enter, speakOf, link } = await world();
    const alice = await addUser(app);
    const browser = createHttpBrowser();
    await enter(browser, 'alice');
    speakOf(ADA);
    await link(browser);
    expect((await link(browser)).url).toBe(`${origin}/inside`);
    speakOf({ sub: 'ada-elsewhere' }, other);
    await browser.open(`${origin}/api/auth/link/other`, { form: {}, from: origin });
    expect((await visit({ sub: 'ada-elsewhere' }, 'other')).user?.id).toBe(alice.id);
    expect(await auth.users.list({ limit: 10 })).toHaveLength(1);
  });

  it.each([
    { title: 'another site', from: 'https://evil.example' },
    { title: 'a sub-domain', from: 'http://sub.localhost' },
    { title: 'a sandboxed frame', from: 'null' },
  ])('cannot be begun by $title', async ({ from }) => {
    const { app, origin, corp, enter } = await world();
    await addUser(app);
    const browser = createHttpBrowser();
    await enter(browser, 'alice');
    const cookie = [...browser.cookies('localhost')].map(([name, value]) => `${name}=${value}`);
    const response = await fetch(`${origin}/api/auth/link/corp`, {
      method: 'POST',
      redirect: 'manual',
      headers: { cookie: cookie.join('; '), origin: from, 'sec-fetch-site': 'cross-site' },
      body: new URLSearchParams({ returnTo: '/' }),
    });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'CROSS_SITE_REQUEST' });
    expect(response.headers.get('set-cookie')).toBeNull();
    expect(corp.requests('/authorize')).toBe(0);
  });

  it('cannot be begun by a link', async () => {
    const { origin } = await world();
    const page = await createHttpBrowser().fetch(`${origin}/api/auth/link/corp`);
    expect(refusalOn(page)).toEqual({ status: 405, code: 'METHOD_NOT_ALLOWED' });
  });

  it('needs somebody who is signed in', async () => {
    const { corp, link } = await world();
    expect(refusalOn(await link(createHttpBrowser()))).toEqual({
      status: 401,
      code: 'CREDENTIALS_MISSING',
    });
    expect(corp.requests('/authorize')).toBe(0);
  });

  it.each([
    { title: 'somebody else has signed in', meanwhile: 'bob' },
    { title: 'its user has signed out', meanwhile: undefined },
  ])('is refused when $title meanwhile', async ({ meanwhile }) => {
    const { app, origin, visit, enter, signInLocally, speakOf, link, users } = await world();
    await addUser(app);
    await addUser(app, { username: 'bob' });
    const browser = createHttpBrowser();
    await enter(browser, 'alice');
    speakOf(ADA);
    const { url } = await link(browser, { until: isCallback });
    if (meanwhile) await signInLocally(browser, meanwhile);
    else await browser.fetch(`${origin}/api/auth/logout`, { json: {} });
    const page = await browser.open(url, { headers: AS_SCRIPT });
    expect(refusalOn(page)).toEqual(DENIED);
    expect((await userOf(browser, origin))?.username).toBe(meanwhile);
    // Nobody has the identity: its owner gets an account of their own.
    expect((await visit(ADA)).user).toBeDefined();
    expect(await users()).toHaveLength(3);
  });

  it("does not take somebody else's identity away, and signs nobody in", async () => {
    const { app, origin, visit, enter, link } = await world();
    const alice = await addUser(app);
    const owner = await visit(ADA);
    const browser = createHttpBrowser();
    await enter(browser, 'alice');
    expect(refusalOn(await link(browser))).toEqual(DENIED);
    expect((await userOf(browser, origin))?.id).toBe(alice.id);
    expect((await visit(ADA)).user?.id).toBe(owner.user?.id);
  });

  it('is not what an ordinary log-in does: who is signed in changes', async () => {
    const { app, origin, enter, speakOf, signIn } = await world();
    const alice = await addUser(app);
    const browser = createHttpBrowser();
    await enter(browser, 'alice');
    speakOf(ADA);
    await signIn(browser);
    const user = await userOf(browser, origin);
    expect(user).toBeDefined();
    expect(user?.id).not.toBe(alice.id);
  });

  it('of one identity to two accounts at once: one of them has it then', async () => {
    const { app, origin, visit, enter, speakOf, link } = await world();
    await addUser(app);
    await addUser(app, { username: 'bob' });
    speakOf(ADA);
    const ready = await Promise.all(
      ['alice', 'bob'].map(async (username) => {
        const browser = createHttpBrowser();
        await enter(browser, username);
        return { browser, url: (await link(browser, { until: isCallback })).url };
      }),
    );
    const pages = await Promise.all(
      ready.map(({ browser, url }) => browser.open(url, { headers: AS_SCRIPT })),
    );
    expect(new Set(pages.map(({ status }) => status))).toEqual(new Set([200, 403]));
    const winner = pages[0]?.url === `${origin}/inside` ? 'alice' : 'bob';
    expect((await visit(ADA)).user?.username).toBe(winner);
  });
});

describe('AUTH_SIGN_UP=off', () => {
  const options = { signUp: false };

  it('gives nobody an account', async () => {
    const { visit, users } = await world({ trustEmail: true, options });
    expect((await visit(ADA)).refusal).toEqual(DENIED);
    expect(await users()).toEqual([]);
  });

  it('lets in who is known, by a verified address or because they asked', async () => {
    const { app, visit, enter, speakOf, link } = await world({ trustEmail: true, options });
    const ada = await addUser(app, {
      username: 'a',
      email: 'ada@corp.example',
      emailVerified: true,
    });
    expect((await visit(ADA)).user?.id).toBe(ada.id);
    const alice = await addUser(app);
    const browser = createHttpBrowser();
    await enter(browser, 'alice');
    speakOf({ sub: 'alice-there' });
    await link(browser);
    expect((await visit({ sub: 'alice-there' })).user?.id).toBe(alice.id);
  });
});

describe('the provision hook', () => {
  /** With a hook, and everything that it was asked. */
  async function provisioning(
    provision: NonNullable<AuthOptions['provision']>,
    trustEmail = false,
  ) {
    const asked: Parameters<typeof provision>[] = [];
    const all = await world({
      trustEmail,
      options: {
        provision: (identity, user, access) => {
          asked.push([identity, user, access]);
          return provision(identity, user, access);
        },
      },
    });
    return { ...all, asked };
  }

  it('is asked at each sign-in, and what it answers is merged into the user', async () => {
    let role = 'editor';
    const { asked, visit, users } = await provisioning((identity) => ({
      roles: identity.groups.includes('staff') ? [role] : [],
    }));
    const first = await visit({ ...ADA, groups: ['staff'] });
    expect(first.user).toMatchObject({ email: 'ada@corp.example', roles: ['editor'] });
    role = 'admin';
    const second = await visit({ ...ADA, groups: ['staff'] });
    expect(second.user).toMatchObject({ id: first.user?.id, roles: ['admin'] });
    expect(asked.map(([identity, user]) => [identity.subject, user?.id])).toEqual([
      ['ada-there', undefined],
      ['ada-there', first.user?.id],
    ]);
    expect(asked[0]?.[0]).toMatchObject({ provider: 'corp', claims: { sub: 'ada-there' } });
    expect(await users()).toHaveLength(1);
  });

  it.each([
    { title: 'at once', refuse: () => false as const },
    { title: 'after a while', refuse: () => Promise.resolve(false as const) },
  ])('refuses somebody new by false ($title), and no account is made', async ({ refuse }) => {
    const { app, visit, users } = await provisioning(refuse);
    expect((await visit(ADA)).refusal).toEqual(DENIED);
    expect(await users()).toEqual([]);
    expect(app.events.map(({ name }) => name)).toEqual(['login.failed']);
  });

  it('refuses somebody known by false, and changes nothing', async () => {
    let isOpen = true;
    const { visit, users } = await provisioning(() => isOpen && { roles: ['editor'] });
    await visit(ADA);
    const before = await users();
    isOpen = false;
    expect((await visit(ADA)).refusal).toEqual(DENIED);
    expect(await users()).toEqual(before);
  });

  it.each([
    {
      title: 'throws',
      fail: () => {
        throw new Error('the directory is down');
      },
    },
    { title: 'rejects', fail: () => Promise.reject(new Error('the directory is down')) },
    { title: 'misspells a member', fail: () => ({ isDisabled: true, groups: [] }) },
  ])('that $title refuses nobody for good: 503, an event, and later it works', async ({ fail }) => {
    let isDown = true;
    const { app, visit, users } = await provisioning(() => (isDown ? fail() : {}));
    expect((await visit(ADA)).refusal).toEqual({ status: 503, code: 'STORE_UNAVAILABLE' });
    expect(await users()).toEqual([]);
    expect(app.events).toContainEqual({
      name: 'hook.failed',
      event: expect.objectContaining({ hook: 'provision' }),
    });
    expect(JSON.stringify(app.events)).not.toContain('directory');
    isDown = false;
    expect((await visit(ADA)).user).toMatchObject({ email: 'ada@corp.example' });
  });

  /** Refuses Alice, whose address Ada shows, and nobody else later. */
  async function refusingAlice(trustEmail: boolean) {
    let refused: string | undefined = 'alice';
    const all = await provisioning(
      (_identity, user) => (user?.username === refused ? false : {}),
      trustEmail,
    );
    await addUser(all.app, { email: 'ada@corp.example', emailVerified: true });
    const bob = await addUser(all.app, { username: 'bob' });
    /** Ada's identity is nobody's, so that Bob can have it. */
    async function expectNoLink(): Promise<void> {
      refused = undefined;
      const browser = createHttpBrowser();
      await all.enter(browser, 'bob');
      all.speakOf(ADA);
      expect((await all.link(browser)).url).toBe(`${all.origin}/inside`);
      expect((await all.visit(ADA)).user?.id).toBe(bob.id);
    }
    return { ...all, expectNoLink };
  }

  it('that refuses a link which was asked for leaves none behind', async () => {
    const { enter, speakOf, link, expectNoLink } = await refusingAlice(false);
    const browser = createHttpBrowser();
    await enter(browser, 'alice');
    speakOf(ADA);
    expect(refusalOn(await link(browser))).toEqual(DENIED);
    await expectNoLink();
  });

  it('that refuses a link by address leaves none behind', async () => {
    const { visit, expectNoLink } = await refusingAlice(true);
    expect((await visit(ADA)).refusal).toEqual(DENIED);
    await expectNoLink();
  });
});

/** Twenty browsers that all come back from the provider at the same moment, spread over several instances. */
async function arriveAtOnce(worlds: readonly World[], said: Said) {
  const ready = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const { origin, speakOf } = worlds[index % worlds.length] as World;
      speakOf(said);
      const browser = createHttpBrowser();
      const start = `${origin}/api/auth/login/corp?returnTo=/inside`;
      const { url } = await browser.open(start, { until: isCallback });
      return { browser, origin, url };
    }),
  );
  return Promise.all(
    ready.map(async ({ browser, origin, url }) => {
      const { status } = await browser.open(url, { headers: AS_SCRIPT });
      return { status, id: (await userOf(browser, origin))?.id };
    }),
  );
}

describe('twenty first log-ins of one identity at once', () => {
  const cases: readonly { readonly title: string; readonly said: Said }[] = [
    { title: 'with a verified address', said: ADA },
    { title: 'with a name', said: { sub: 'ben-there', preferred_username: 'ben' } },
    { title: 'with nothing but a subject', said: { sub: 'cay-there' } },
  ];

  /** One user in the end, whoever was first, of whom listeners hear once. */
  async function expectOne(worlds: readonly World[], said: Said): Promise<void> {
    const known = new Set((await worlds[0]?.users())?.map(({ id }) => id));
    const arrived = await arriveAtOnce(worlds, said);
    expect(arrived.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(new Set(arrived.map(({ id }) => id)).size).toBe(1);
    const added = (await worlds[0]?.users())?.filter(({ id }) => !known.has(id));
    expect(added?.map(({ id }) => id)).toEqual([arrived[0]?.id]);
    const told = worlds.flatMap(({ app }) => app.events);
    expect(told.filter(({ name }) => name === 'identity.linked')).toHaveLength(1);
  }

  it.each(cases)('make one user, and tell of one ($title)', async ({ said }) => {
    await expectOne([await world({ options: { store: memoryStore() } })], said);
  });

  it('make one user, and tell of one, when the account appears while others look for it', async () => {
    const store = memoryStore();
    let lookups = 0;
    const users = {
      ...store.users,
      create: async (user: Parameters<typeof store.users.create>[0]) => {
        await wait(100);
        return store.users.create(user);
      },
      // All ask for the identity before anybody has it, and for the address one after the other.
      findByLogin: async (login: string) => {
        await wait(100 + 20 * lookups++);
        return store.users.findByLogin(login);
      },
    };
    await expectOne([await world({ options: { store: { ...store, users } } })], ADA);
  });

  for (const { name, url, isMissing, create, drop } of stores)
    describe.skipIf(isMissing)(`on two instances over ${name}`, () => {
      beforeAll(create);
      afterAll(drop);

      it.each(cases)('make one user, and tell of one ($title)', async ({ said }) => {
        const corp = await startHostileProvider();
        const options = { store: { url } };
        await expectOne([await world({ corp, options }), await world({ corp, options })], said);
      });
    });
});
