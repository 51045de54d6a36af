import { AuthError, createVerifier, type PrincipalPatch } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  createPrincipalLoader,
  type LoadPrincipalOption,
} from '../../lib/authenticate/principal-loader.js';
import { createPrincipal } from '../../lib/principal.js';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';
import { refusalOf } from '../world/refusal-of.js';

async function createWorld() {
  const clock = createClock();
  const events = createEventLog();
  const issuer = await createTestIssuer({ algorithm: 'ES256', now: clock.now });
  const verifier = createVerifier({ issuers: issuer.policy, now: clock.now });
  const unknownUser = new AuthError('INVALID_TOKEN', { reason: 'user_unknown' });
  return {
    ...{ clock, events },
    loader: (option: LoadPrincipalOption<object>) =>
      createPrincipalLoader(option, { events, now: clock.now, unknownUser }),
    principal: async (sub = 'user-1') =>
      verifier.verify(
        await issuer.mint({ sub, exp: clock.now() / 1000 + 7200, email: 'u@a.test' }),
      ),
  };
}

describe('loadPrincipal', () => {
  it.each([
    { title: 'a text', option: 'load' },
    { title: 'an object without load', option: { ttlSeconds: 5 } },
    { title: 'an object whose load is a text', option: { load: 'load', ttlSeconds: 5 } },
    { title: 'a cache without a time to live', option: { load: () => ({}) } },
    { title: 'a time to live of 0', option: { load: () => ({}), ttlSeconds: 0 } },
    { title: 'a time to live of 0.9 s', option: { load: () => ({}), ttlSeconds: 0.9 } },
    { title: 'a time to live of 3601 s', option: { load: () => ({}), ttlSeconds: 3601 } },
    { title: 'no entry', option: { load: () => ({}), ttlSeconds: 5, maxEntries: 0 } },
    {
      title: 'more than a million entries',
      option: { load: () => ({}), ttlSeconds: 5, maxEntries: 1_000_001 },
    },
  ])('may not be $title', async ({ option }) => {
    const { loader } = await createWorld();
    expect(() => loader(option as never)).toThrow(
      expect.objectContaining({
        name: 'TypeError',
        message: expect.stringContaining('loadPrincipal'),
      }),
    );
  });

  it.each([
    { ttlSeconds: 1, maxEntries: 1 },
    { ttlSeconds: 3600, maxEntries: 1_000_000 },
    { ttlSeconds: 5 },
  ])('may be cached within its bounds: %j', async (bounds) => {
    const { loader, principal } = await createWorld();
    const load = loader({ load: () => ({ roles: ['admin'] }), ...bounds });
    expect(await load(await principal(), {})).toMatchObject({ user: { roles: ['admin'] } });
  });

  it.each([null, undefined])('that returns %s knows no such user', async (patch) => {
    const { loader, principal, events } = await createWorld();
    const refusal = await refusalOf(Promise.resolve(loader(() => patch)(await principal(), {})));
    expect(refusal).toMatchObject({ code: 'INVALID_TOKEN', reason: 'user_unknown' });
    expect(events.of('hook.failed')).toEqual([]);
  });

  it('that throws is 503 with the cause, and an event', async () => {
    const { loader, principal, events } = await createWorld();
    const cause = new Error('database is down');
    const load = loader(() => {
      throw cause;
    });
    const refusal = await refusalOf(Promise.resolve(load(await principal(), {})));
    expect(refusal).toMatchObject({ code: 'STORE_UNAVAILABLE', reason: 'load_principal', cause });
    expect(events.of('hook.failed')).toEqual([{ hook: 'loadPrincipal' }]);
  });

  it('that returns an unknown member is 503 with the cause, and an event', async () => {
    const { loader, principal, events } = await createWorld();
    const patch = { password: 'x' };
    const load = loader(() => patch as PrincipalPatch);
    const refusal = await refusalOf(Promise.resolve(load(await principal(), {})));
    expect(refusal).toMatchObject({
      ...{ code: 'STORE_UNAVAILABLE', reason: 'load_principal' },
      cause: { name: 'TypeError', message: expect.stringContaining('`password`') },
    });
    expect(events.of('hook.failed')).toEqual([{ hook: 'loadPrincipal' }]);
  });

  it('that throws an AuthError refuses with it, without an event', async () => {
    const { loader, principal, events } = await createWorld();
    const refusal = new AuthError('PASSWORD_CHANGE_REQUIRED');
    const load = loader(() => Promise.reject(refusal));
    expect(await refusalOf(Promise.resolve(load(await principal(), {})))).toBe(refusal);
    expect(events.of('hook.failed')).toEqual([]);
  });

  it.each([
    { title: 'a number', patch: 5 },
    { title: 'false', patch: false },
    { title: 'an empty text', patch: '' },
    { title: 'an empty list', patch: [] },
    { title: 'an address that is a number', patch: { email: 5 } },
    { title: 'a name that is a list', patch: { username: ['u'] } },
    { title: 'one role as text', patch: { roles: 'admin' } },
    { title: 'roles that are null', patch: { roles: null } },
    { title: 'a group that is no text', patch: { groups: ['a', 1] } },
    { title: 'organisations that are a text', patch: { orgs: 'a' } },
    { title: 'organisations by id', patch: { orgs: { a: [] } } },
    { title: 'an organisation with an empty id', patch: { orgs: [{ id: '' }] } },
    { title: 'an organisation without id', patch: { orgs: [{ roles: [] }] } },
    { title: 'an organisation with more members', patch: { orgs: [{ id: 'a', name: 'A' }] } },
    { title: 'a default that is a text', patch: { orgs: [{ id: 'a', isDefault: 'yes' }] } },
    { title: 'one role in an organisation as text', patch: { orgs: [{ id: 'a', roles: 'r' }] } },
    {
      title: 'a role in an organisation that is no text',
      patch: { orgs: [{ id: 'a', roles: [1] }] },
    },
    { title: 'an organisation that is a text', patch: { orgs: ['a'] } },
    { title: 'an organisation that is null', patch: { orgs: [null] } },
    { title: 'attributes that are null', patch: { attributes: null } },
    { title: 'attributes that are a list', patch: { attributes: ['eu'] } },
    { title: 'an object as attribute', patch: { attributes: { region: { name: 'eu' } } } },
    { title: 'an object in an attribute', patch: { attributes: { regions: ['eu', {}] } } },
    { title: 'an undefined attribute', patch: { attributes: { region: undefined } } },
  ])('may not return $title', async ({ patch }) => {
    const { loader, principal } = await createWorld();
    const refusal = await refusalOf(
      Promise.resolve(loader(() => patch as never)(await principal(), {})),
    );
    expect(refusal).toMatchObject({
      ...{ code: 'STORE_UNAVAILABLE', reason: 'load_principal' },
      cause: { name: 'TypeError', message: expect.stringMatching(/^loadPrincipal\(\)/) },
    });
  });

  it.each([null, undefined])('may return %s for a user without address', async (email) => {
    const { loader, principal } = await createWorld();
    const { user } = await loader(() => ({ email }))(await principal(), {});
    expect(user?.email).toBeUndefined();
  });

  it.each([
    {
      title: 'once when it returns what it may not',
      patch: { id: 'x' },
      warnings: [expect.stringContaining('`id`')],
    },
    {
      title: 'of no failure to read what it returns',
      patch: Object.defineProperty({}, 'roles', {
        enumerable: true,
        get() {
          throw new RangeError('no such column');
        },
      }),
      warnings: [],
    },
  ])('warns $title', async ({ patch, warnings }) => {
    const { loader, principal } = await createWorld();
    const told: string[] = [];
    const listen = ({ message }: Error) => void told.push(message);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    const load = loader(() => patch as PrincipalPatch);
    for (let use = 0; use < 3; use += 1)
      expect(await refusalOf(Promise.resolve(load(await principal(), {})))).toMatchObject({
        reason: 'load_principal',
      });
    await new Promise(setImmediate);
    expect(told).toEqual(warnings);
  });

  it('replaces what it returns, frozen, and nothing else', async () => {
    const { loader, principal } = await createWorld();
    const roles = ['admin'];
    const load = loader(() => ({
      ...{ email: undefined, username: 'u', roles, groups: ['g'] },
      attributes: { region: 'eu', level: 1, isStaff: true, manager: null, floors: [1, 2] },
      orgs: [{ id: 'a' }, { id: 'b', roles: ['owner'], isDefault: true }],
    }));
    const before = await principal();
    const { user, orgs, subject, token } = await load(before, {});
    roles.push('owner');
    expect(user).toEqual({
      ...{ id: 'user-1', email: undefined, username: 'u', roles: ['admin'], groups: ['g'] },
      emailVerified: false,
      attributes: { region: 'eu', level: 1, isStaff: true, manager: null, floors: [1, 2] },
    });
    expect(orgs).toEqual([
      { id: 'a', roles: [], isDefault: false },
      { id: 'b', roles: ['owner'], isDefault: true },
    ]);
    expect({ subject, token }).toEqual({ subject: before.subject, token: before.token });
    for (const part of [user, user?.roles, user?.groups, user?.attributes, orgs, ...orgs])
      expect(Object.isFrozen(part)).toBe(true);
    expect(Object.isFrozen(user?.attributes['floors'])).toBe(true);
  });
});

describe('an address that loadPrincipal returns', () => {
  it.each<{ title: string; patch: PrincipalPatch; user: object }>([
    {
      title: 'another one',
      patch: { email: 'b@example.com' },
      user: { email: 'b@example.com', emailVerified: false },
    },
    {
      title: 'another one that is proven',
      patch: { email: 'b@example.com', emailVerified: true },
      user: { email: 'b@example.com', emailVerified: true },
    },
    {
      title: 'the same',
      patch: { email: 'a@example.com' },
      user: { email: 'a@example.com', emailVerified: true },
    },
    {
      title: 'none, proven',
      patch: { email: null, emailVerified: true },
      user: { emailVerified: false },
    },
    { title: 'nothing of it', patch: {}, user: { email: 'a@example.com', emailVerified: true } },
    {
      title: 'a proof withdrawn',
      patch: { emailVerified: false },
      user: { email: 'a@example.com', emailVerified: false },
    },
  ])('$title', async ({ patch, user: expected }) => {
    const { loader, principal } = await createWorld();
    const before = await principal();
    const user = { ...before.user, email: 'a@example.com', emailVerified: true };
    const loaded = await loader(() => patch)(
      createPrincipal({ ...before, user }, before.token),
      {},
    );
    expect(loaded.user).toMatchObject(expected);
  });
});

describe('a cached loadPrincipal', () => {
  async function counted(option: { ttlSeconds: number; maxEntries?: number }) {
    const { clock, loader, principal } = await createWorld();
    const asked: string[] = [];
    const load = loader({
      ...option,
      load: ({ subject }) => {
        asked.push(subject);
        return {};
      },
    });
    return { clock, asked, ask: async (subject?: string) => load(await principal(subject), {}) };
  }

  it('asks again when its time to live is over, and not before', async () => {
    const { clock, asked, ask } = await counted({ ttlSeconds: 30 });
    await ask();
    clock.advance(29.999);
    await ask();
    expect(asked).toHaveLength(1);
    clock.advance(0.001);
    await ask();
    expect(asked).toHaveLength(2);
  });

  it('keeps as many answers as it may, and forgets the oldest for the next', async () => {
    const { asked, ask } = await counted({ ttlSeconds: 30, maxEntries: 2 });
    for (const subject of ['a', 'b', 'a', 'b']) await ask(subject);
    expect(asked).toEqual(['a', 'b']);
    for (const subject of ['c', 'b', 'c']) await ask(subject);
    expect(asked).toEqual(['a', 'b', 'c']);
    for (const subject of ['a', 'c', 'b']) await ask(subject);
    expect(asked).toEqual(['a', 'b', 'c', 'a', 'b']);
  });

  it('counts an answer that was asked for again as the newest, and pushes none out for it', async () => {
    const { clock, asked, ask } = await counted({ ttlSeconds: 30, maxEntries: 2 });
    await ask('a');
    clock.advance(20);
    await ask('b');
    clock.advance(10);
    await ask('a');
    await ask('b');
    expect(asked).toEqual(['a', 'b', 'a']);
    await ask('c');
    await ask('a');
    expect(asked).toEqual(['a', 'b', 'a', 'c']);
  });

  it('does not keep a failure', async () => {
    const { loader, principal } = await createWorld();
    const answers = [Promise.reject(new Error('down')), Promise.resolve({ roles: ['admin'] })];
    const load = loader({ ttlSeconds: 30, load: () => answers.shift() });
    const user = await principal();
    expect((await refusalOf(Promise.resolve(load(user, {})))).code).toBe('STORE_UNAVAILABLE');
    expect(await load(user, {})).toMatchObject({ user: { roles: ['admin'] } });
  });

  it('keeps the newer answer when an older question fails late', async () => {
    const { clock, loader, principal } = await createWorld();
    const { promise, reject } = createPending();
    let asked = 0;
    const load = loader({
      ttlSeconds: 1,
      load: () => {
        asked += 1;
        return asked === 1 ? promise : { roles: ['new'] };
      },
    });
    const user = await principal();
    const late = refusalOf(Promise.resolve(load(user, {})));
    clock.advance(1);
    await load(user, {});
    reject(new Error('time-out'));
    expect((await late).code).toBe('STORE_UNAVAILABLE');
    expect(await load(user, {})).toMatchObject({ user: { roles: ['new'] } });
    expect(asked).toBe(2);
  });
});

/** A promise that stays open until the test rejects it. */
function createPending() {
  let reject = (_error: Error): void => undefined;
  const promise = new Promise<PrincipalPatch>((_resolve, rejectNow) => {
    reject = rejectNow;
  });
  return { promise, reject: (error: Error) => reject(error) };
}
