import { describe, expect, it } from 'vitest';
import { addUser, PASSWORD } from '../../world/auth-server.js';
import { createHttpBrowser, type HttpBrowser } from '../../world/http-browser.js';
import { ADA, linkingApp, type LinkingApp } from '../../world/linking-app.js';

const seconds = (): number => Math.floor(Date.now() / 1000);

/** Alice, signed in with her password, who has added Ada's identity. */
async function aliceWithCorp(options: Parameters<typeof linkingApp>[0] = {}) {
  const world = await linkingApp(options);
  const alice = await addUser(world.app, { email: 'alice@corp.example' });
  const browser = createHttpBrowser();
  await world.signInLocally(browser, 'alice');
  world.speakOf(ADA);
  expect((await world.link(browser)).url).toBe(`${world.origin}/inside`);
  return { ...world, alice, browser };
}

/** Somebody whose only ways in are two providers. */
async function benWithTwo() {
  const world = await linkingApp({ options: { linkAcrAfterSeconds: 120, passwordSignUp: true } });
  const { browser } = await world.visit({ sub: 'ben-there', auth_time: seconds() });
  world.speakOf({ sub: 'ben-elsewhere' }, world.other);
  await browser.open(`${world.origin}/api/auth/link/other`, { form: {}, from: world.origin });
  return { ...world, browser };
}

const listOf = async ({ call }: Pick<LinkingApp, 'call'>, browser: HttpBrowser) => {
  const { body } = await call(browser, 'GET /identities');
  return body as { password: boolean; identities: Record<string, unknown>[] };
};

describe('GET /identities', () => {
  it('lists the password and the providers, with labels and times', async () => {
    const { browser, visit, call } = await aliceWithCorp();
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string;
    const identity = { provider: 'corp', label: 'Corp', linked_at: time, current: false };
    expect(await call(browser, 'GET /identities')).toEqual({
      status: 200,
      body: { password: true, identities: [{ ...identity, last_used_at: null }] },
    });
    const { browser: there } = await visit(ADA);
    await expect
      .poll(async () => (await listOf({ call }, there)).identities)
      .toEqual([{ ...identity, last_used_at: time, current: true }]);
  });

  it('needs somebody who is signed in', async () => {
    const { call } = await linkingApp();
    expect(await call(createHttpBrowser(), 'GET /identities')).toMatchObject({
      status: 401,
      body: { code: 'CREDENTIALS_MISSING' },
    });
  });
});

describe('DELETE /identities/:provider', () => {
  it('removes a way in, ends the other sessions that came by it, and tells of it', async () => {
    const { app, browser, visit, call, mails, alice } = await aliceWithCorp();
    const { browser: stolen } = await visit(ADA);
    expect(await call(browser, 'DELETE /identities/corp')).toEqual({
      status: 204,
      body: undefined,
    });
    expect((await listOf({ call }, browser)).identities).toEqual([]);
    expect((await call(stolen, 'GET /me')).status).toBe(401);
    expect((await call(browser, 'GET /me')).status).toBe(200);
    expect((await visit(ADA)).user?.id).not.toBe(alice.id);
    expect(app.events).toContainEqual({
      name: 'identity.unlinked',
      event: expect.objectContaining({ userId: alice.id, provider: 'corp', by: 'request' }),
    });
    const data = { userId: alice.id, provider: 'corp', label: 'Corp' };
    await expect
      .poll(() => mails)
      .toEqual([
        { kind: 'identity_added', to: 'alice@corp.example', data },
        { kind: 'identity_removed', to: 'alice@corp.example', data },
      ]);
    expect(await call(browser, 'DELETE /identities/corp')).toMatchObject({
      status: 404,
      body: { code: 'NOT_FOUND' },
    });
  });

  it('leaves the last way in, and says what to do first', async () => {
    const { browser, call } = await benWithTwo();
    expect((await call(browser, 'DELETE /identities/other')).status).toBe(204);
    const refusal = await call(browser, 'DELETE /identities/corp');
    expect(refusal).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    expect(JSON.stringify(refusal.body)).toContain('Set a password');
    expect((await listOf({ call }, browser)).identities).toHaveLength(1);
  });

  it('leaves one of two that are removed at once', async () => {
    const { browser, call } = await benWithTwo();
    const answers = await Promise.all(
      ['corp', 'other'].map((name) => call(browser, `DELETE /identities/${name}`)),
    );
    // The other is too late, or its session began with the one that is gone.
    expect(answers.filter(({ status }) => status === 204)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409 || status === 401)).toHaveLength(1);
    expect((await listOf({ call }, browser)).identities).toHaveLength(1);
  });

  it('a provider that is not there any more is no way in', async () => {
    const { auth, browser, call } = await benWithTwo();
    const [ben] = await auth.users.list({ limit: 1 });
    const [link] = await auth.store.credentials.listByOwner(ben?.id ?? '');
    await auth.store.credentials.revoke(link?.id ?? '', Date.now());
    await auth.store.credentials.create({
      ...(link as NonNullable<typeof link>),
      id: 'former',
      hash: 'former',
      data: JSON.stringify({ provider: 'former', issuer: 'https://id.example', subject: 'ben' }),
    });
    expect((await call(browser, 'DELETE /identities/corp')).status).toBe(409);
    expect((await call(browser, 'DELETE /identities/former')).status).toBe(204);
  });

  it.each([
    { title: 'was eleven minutes ago', authTime: () => seconds() - 660 },
    { title: 'is not told by the provider', authTime: () => undefined },
  ])('needs a fresh sign-in: one that $title is not', async ({ authTime }) => {
    const { visit, call, link } = await linkingApp();
    const { browser } = await visit({ sub: 'ben-there', auth_time: authTime() });
    for (const { status, body } of [
      await call(browser, 'DELETE /identities/corp'),
      await call(browser, 'POST /link/other', {}),
    ]) {
      expect(status).toBe(401);
      expect(body).toMatchObject({ code: 'AUTH_CONTEXT_REQUIRED', max_age: 600 });
    }
    expect((await link(browser)).status).toBe(401);
  });

  it('does not take a sign-in with an identity that was added of late', async () => {
    const { visit, call, later } = await benWithTwo();
    const added = { sub: 'ben-elsewhere' };
    const fresh = async (aheadSeconds: number) =>
      (await visit({ ...added, auth_time: seconds() + aheadSeconds }, 'other')).browser;
    expect(await call(await fresh(0), 'DELETE /identities/corp')).toMatchObject({
      status: 401,
      body: { code: 'AUTH_CONTEXT_REQUIRED' },
    });
    const address = { email: 'eve@corp.example' };
    expect(await call(await fresh(0), 'POST /change-email', address)).toMatchObject({
      status: 401,
      body: { code: 'AUTH_CONTEXT_REQUIRED' },
    });
    later(120);
    expect((await call(await fresh(120), 'POST /change-email', address)).status).toBe(202);
    expect((await call(await fresh(120), 'DELETE /identities/corp')).status).toBe(204);
  });

  it('does not take a token of a session that has ended', async () => {
    const { auth, browser, call, alice } = await aliceWithCorp();
    await auth.sessions.revoke({ userId: alice.id }, 'test');
    expect((await call(browser, 'DELETE /identities/corp')).status).toBe(401);
  });
});

describe('POST /change-password', () => {
  it.each([
    { asked: true, left: 0 },
    { asked: false, left: 1 },
  ])('with remove_identities: $asked, $left providers are left', async ({ asked, left }) => {
    const { browser, call } = await aliceWithCorp();
    const body = {
      old_password: PASSWORD,
      new_password: 'another one with plenty of words',
      remove_identities: asked,
    };
    expect((await call(browser, 'POST /change-password', body)).status).toBe(200);
    expect((await listOf({ call }, browser)).identities).toHaveLength(left);
  });
});
