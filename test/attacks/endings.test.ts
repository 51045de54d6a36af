import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Store, StoredUser } from '../../lib/stores/store.js';
import { addUser, PASSWORD } from '../world/auth-server.js';
import { everyStore } from '../world/every-store.js';
import { createHttpBrowser, type HttpBrowser } from '../world/http-browser.js';
import { linkingApp, type LinkingApp } from '../world/linking-app.js';
import { shareWorld } from '../world/shared-world.js';
import { AS_SCRIPT, userOf } from '../world/signed-in.js';

const places = await everyStore(8);

/** What runs once, when something else is on its way. */
interface Trap {
  spring?: (() => Promise<unknown>) | undefined;
}

async function springs(trap: Trap): Promise<void> {
  const { spring } = trap;
  delete trap.spring;
  await spring?.();
}

/** An application whose hook takes its time, and whose password log-ins do between proof and session. */
async function world(store: Store) {
  const trap: Trap = {};
  const { once } = store;
  const slow = {
    ...store,
    once: {
      ...once,
      async incr(key: string, options: Parameters<typeof once.incr>[1]) {
        const count = await once.incr(key, options);
        // A log-in has counted the endings, and is about to verify the password.
        if (key.startsWith('ended:user:') && options.amount === 0 && !isHooked) await springs(trap);
        return count;
      },
    },
  };
  let isHooked = true;
  const app = await linkingApp({
    trustEmail: true,
    options: {
      store: slow,
      provision: async () => {
        await springs(trap);
        return {};
      },
    },
  });
  const root = createHttpBrowser();
  const rootName = `root-${Date.now().toString(36)}`;
  await addUser(app.app, { username: rootName, roles: ['admin'] });
  await app.enter(root, rootName);
  const trapPasswords = (isTrap: boolean): void => void (isHooked = !isTrap);
  return { ...app, trap, trapPasswords, root, rootName };
}

type World = Awaited<ReturnType<typeof world>>;

/** Somebody who is about to sign in. */
interface Victim {
  readonly user: StoredUser;
  readonly name: string;
  readonly email: string;
}

interface Ending {
  readonly title: string;
  readonly end: (all: World, victim: Victim) => Promise<{ status: number }>;
  /** Whether who signs in afterwards with an identity of before is somebody else, or nobody. */
  readonly unlinks: boolean;
}

const endings: readonly Ending[] = [
  {
    title: 'a reset of the password',
    end: ({ call, root }, { user }) => call(root, `POST /users/${user.id}/reset-password`, {}),
    unlinks: true,
  },
  {
    title: 'the end of all sessions',
    end: ({ call, root }, { user }) => call(root, `DELETE /users/${user.id}/sessions`),
    unlinks: false,
  },
  {
    title: 'disabling the user',
    end: ({ call, root }, { user }) => call(root, `PATCH /users/${user.id}`, { disabled: true }),
    unlinks: false,
  },
  {
    title: 'deleting the user',
    end: ({ call, root }, { user }) => call(root, `DELETE /users/${user.id}`),
    unlinks: true,
  },
];

/** Begins a way to sign in, with an ending in its middle. */
interface Way {
  readonly title: string;
  /** Whether an identity is linked by it, which must not be afterwards. */
  readonly links: boolean;
  readonly go: (all: World, victim: Victim, end: () => Promise<unknown>) => Promise<HttpBrowser>;
}

const said = ({ name }: Victim) => ({ sub: name });

/** Signs the victim in and links an identity, as long before as it takes. */
async function linked(all: World, victim: Victim): Promise<void> {
  const browser = createHttpBrowser();
  await all.enter(browser, victim.name);
  all.speakOf(said(victim));
  await all.link(browser);
}

const ways: readonly Way[] = [
  {
    title: 'a sign-in with a provider',
    links: false,
    async go(all, victim, end) {
      await linked(all, victim);
      all.trap.spring = end;
      return (await all.visit(said(victim))).browser;
    },
  },
  {
    title: 'a code that is exchanged',
    links: false,
    async go(all, victim, end) {
      await linked(all, victim);
      const browser = createHttpBrowser();
      all.speakOf(said(victim));
      const start = `${all.origin}/api/auth/login/corp?mode=code&returnTo=/inside`;
      const { url } = await browser.open(start, { headers: AS_SCRIPT });
      await end();
      const code = new URL(url).searchParams.get('auth_code');
      const answer = await all.call(browser, 'POST /exchange', { code });
      expect([401, 403]).toContain(answer.status);
      return browser;
    },
  },
  {
    title: 'a link',
    links: true,
    async go(all, victim, end) {
      const browser = createHttpBrowser();
      await all.enter(browser, victim.name);
      all.speakOf(said(victim));
      all.trap.spring = end;
      const page = await all.link(browser);
      expect([401, 403]).toContain(page.status);
      return browser;
    },
  },
  {
    title: 'a first sign-in with the address of an account',
    links: true,
    async go(all, victim, end) {
      const { email } = victim;
      all.trap.spring = end;
      return (await all.visit({ ...said(victim), email, email_verified: true })).browser;
    },
  },
  {
    title: 'a log-in with a password',
    links: false,
    async go(all, { name }, end) {
      const browser = createHttpBrowser();
      all.trapPasswords(true);
      all.trap.spring = end;
      const json = { username: name, password: PASSWORD, delivery: 'cookie' };
      expect((await browser.fetch(`${all.origin}/api/auth/login`, { json })).status).toBe(401);
      all.trapPasswords(false);
      return browser;
    },
  },
];

async function linksOf({ auth }: LinkingApp, { user }: Victim): Promise<number> {
  const links = await auth.store.credentials.listByOwner(user.id);
  return links.filter(({ revokedAt }) => revokedAt === undefined).length;
}

async function victimOf(all: World, name: string): Promise<Victim> {
  const email = `${name}@corp.example`;
  const user = await addUser(all.app, { username: name, email, emailVerified: true });
  return { user, name, email };
}

describe.each(places)('W6 on $name', ({ isMissing, name: place, open, create, drop }) => {
  describe.skipIf(isMissing)('while it is on its way', () => {
    let store: Store;
    beforeAll(async () => {
      await create();
      store = open();
    });
    afterAll(async () => {
      await store.close();
      await drop();
    });
    // Each case has a user of its own.
    const shared = shareWorld(() => world(store));

    it.each(ways)('$title sees whatever ends the old state', async ({ title, links, go }) => {
      const all = shared();
      for (const [at, { title: ending, end, unlinks }] of endings.entries()) {
        const name = `v${at}-${ways.findIndex((way) => way.title === title)}-${place.toLowerCase()}`;
        const victim = await victimOf(all, name);
        let status = 0;
        const browser = await go(all, victim, async () => {
          ({ status } = await end(all, victim));
        });
        expect(status, ending).toBeLessThan(300);
        expect(status, ending).toBeGreaterThan(0);
        expect(await all.auth.sessions.list(victim.user.id), ending).toEqual([]);
        expect(await userOf(browser, all.origin), ending).toBeUndefined();
        const mayStay = links || unlinks ? 0 : 1;
        expect(await linksOf(all, victim), ending).toBeLessThanOrEqual(mayStay);
        const user = await all.auth.users.findById(victim.user.id);
        expect(user === undefined, ending).toBe(ending === 'deleting the user');
      }
    });

    it('a sign-up that waits while its user is made and deleted makes nobody', async () => {
      const all = shared();
      const person = { sub: `twice-${place}`, preferred_username: `twice-${place.toLowerCase()}` };
      const before = (await all.users()).map(({ id }) => id);
      let made: string | undefined;
      all.trap.spring = async () => {
        const first = await all.visit(person);
        made = first.user?.id;
        const { status } = await all.call(all.root, `DELETE /users/${made}`);
        expect(status).toBe(204);
        all.speakOf(person);
      };
      const late = await all.visit(person);
      expect(made).toBeDefined();
      const after = await all.users();
      expect(after.map(({ id }) => id)).not.toContain(made);
      // Either nobody, or a new user who has nothing of the one before.
      expect(late.user?.id).not.toBe(made);
      expect(after.length - before.length).toBe(late.user === undefined ? 0 : 1);
    });
  });
});
