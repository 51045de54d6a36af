import { AuthError, createVerifier, type Principal, requireAuth } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import {
  type AuthenticatorContext,
  type AuthenticatorOptions,
  createAuthenticator,
} from '../../lib/authenticate/authenticator.js';
import type { RequestHead } from '../../lib/authenticate/credentials.js';
import { createClock } from '../world/clock.js';
import { createEventLog } from '../world/event-log.js';

async function createWorld() {
  const clock = createClock();
  const events = createEventLog();
  const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt', now: clock.now });
  const verifier = createVerifier({
    ...{ issuers: issuer.policy, realm: 'invoices' },
    ...{ now: clock.now, events },
  });
  await verifier.ready();
  const authenticator = (options?: AuthenticatorOptions, context?: AuthenticatorContext) => {
    const authenticate = createAuthenticator<RequestHead>(verifier, options, context);
    /** A function, so that what is thrown at once becomes a rejection, too. */
    return async (token?: string, headers: Record<string, string> = {}) =>
      authenticate({
        headers: { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      });
  };
  return { clock, events, issuer, verifier, authenticator };
}

/** What a refusal shows: code, reason, and challenge. */
function refusal(code: string, reason?: string, error?: string) {
  const challenge = error && { 'WWW-Authenticate': `Bearer realm="invoices", error="${error}"` };
  return expect.objectContaining({
    ...{ code, reason },
    headers: expect.objectContaining(challenge ?? {}),
  });
}

/** The subject of an admitted request; code and reason of a refused one. */
async function outcomeOf(verdict: Promise<Principal | undefined>): Promise<string | undefined> {
  try {
    return (await verdict)?.subject;
  } catch (error) {
    if (!(error instanceof AuthError)) throw error;
    return [error.code, error.reason].filter(Boolean).join(' ');
  }
}

describe('a guard', () => {
  it('takes a credential only of the methods that it names', async () => {
    const { authenticator, issuer, verifier } = await createWorld();
    const token = await issuer.mint();
    expect(await outcomeOf(authenticator({ methods: ['jwt'] })(token))).toBe('user-1');
    expect(await outcomeOf(authenticator({ methods: ['session'] })(token))).toBe(
      'INVALID_TOKEN method',
    );
    for (const methods of [[], ['JWT'], ['dev'], ['api_key'], 'jwt', [undefined]])
      expect(() => createAuthenticator(verifier, { methods: methods as never })).toThrow(TypeError);
  });

  it.each([
    { binding: {} },
    { binding: { kid: 'key-1' } },
    { binding: { jwk: { kty: 'oct' } } },
    { binding: { 'x5t#s256': 'in other letters' } },
    { binding: [] },
    { binding: [{ jkt: 'thumbprint' }] },
    { binding: 'thumbprint' },
    { binding: null },
    { binding: false },
  ])('refuses a token that is bound in a way that it does not know: $binding', async (given) => {
    const { authenticator, issuer } = await createWorld();
    const token = await issuer.mint({ cnf: given.binding });
    expect(await outcomeOf(authenticator()(token))).toBe('INVALID_TOKEN sender_constrained');
  });

  it('refuses a token that is sent as proof of a key which it is not bound to', async () => {
    const { authenticator, issuer } = await createWorld();
    const token = await issuer.mint();
    expect(await outcomeOf(authenticator()(undefined, { authorization: `DPoP ${token}` }))).toBe(
      'INVALID_TOKEN sender_constrained',
    );
  });

  it('answers at once for a token that was verified before when no hook has to be waited for', async () => {
    const { issuer, verifier } = await createWorld();
    const headers = { authorization: `Bearer ${await issuer.mint()}` };
    const authenticate = createAuthenticator(verifier, { userOnly: true });
    await authenticate({ headers });
    expect(authenticate({ headers })).toMatchObject({ subject: 'user-1' });
  });

  it('finds nobody without a credential, and emits no refusal', async () => {
    const { events, authenticator } = await createWorld();
    expect(await authenticator()()).toBeUndefined();
    expect(await authenticator()(undefined, { authorization: 'Basic x' })).toBeUndefined();
    expect(events.of('token.refused')).toEqual([]);
  });

  it('tells of a refusal in one event with code and reason', async () => {
    const { events, issuer, authenticator } = await createWorld();
    const token = await issuer.mint({ aud: 'https://other.test' });
    await expect(authenticator()(token)).rejects.toThrow(AuthError);
    expect(events.of('token.refused')).toMatchObject([
      { code: 'INVALID_TOKEN', reason: 'audience' },
    ]);
  });

  it('passes on an outage, without an event', async () => {
    const { clock, events, issuer, authenticator } = await createWorld();
    issuer.goDown();
    clock.advance(86_400);
    expect(await outcomeOf(authenticator()(await issuer.mint()))).toBe('KEYS_UNAVAILABLE key_set');
    expect(events.of('token.refused')).toEqual([]);
  });

  it('says whether the token came along or is that of development', async () => {
    const { issuer, authenticator } = await createWorld();
    const authenticate = authenticator({}, { devToken: await issuer.mint() });
    expect(await authenticate()).toMatchObject({ method: 'dev' });
    expect(await authenticate(await issuer.mint())).toMatchObject({ method: 'jwt' });
  });

  it('without a token for development refuses no request of another site', async () => {
    const { verifier } = await createWorld();
    const request = {
      method: 'POST',
      headers: { origin: 'https://evil.test', 'sec-fetch-site': 'cross-site' },
    };
    expect(createAuthenticator<RequestHead>(verifier)(request)).toBeUndefined();
  });

  it('passes on a failure that is no refusal, without an event', async () => {
    const { events, issuer, authenticator } = await createWorld();
    const failure = new RangeError('no host');
    const authenticate = authenticator({
      issuers: () => {
        throw failure;
      },
    });
    await expect(authenticate(await issuer.mint())).rejects.toBe(failure);
    expect(events.of('token.refused')).toEqual([]);
  });

  it.each([
    { options: undefined, claim: true, isAdmitted: false },
    { options: { allowPasswordChange: false }, claim: true, isAdmitted: false },
    { options: { allowPasswordChange: true }, claim: true, isAdmitted: true },
    { options: undefined, claim: false, isAdmitted: true },
    { options: undefined, claim: 'true', isAdmitted: true },
    { options: undefined, claim: undefined, isAdmitted: true },
  ])(
    'with $options admits a user whose must_reset_password is $claim: $isAdmitted',
    async ({ options, claim, isAdmitted }) => {
      const { issuer, authenticator } = await createWorld();
      const token = await issuer.mint({ must_reset_password: claim });
      expect(await outcomeOf(authenticator(options)(token))).toBe(
        isAdmitted ? 'user-1' : 'PASSWORD_CHANGE_REQUIRED',
      );
    },
  );

  it.each([
    { issuers: ['https://issuer.test'], isAdmitted: true },
    { issuers: ['https://other.test', 'https://issuer.test'], isAdmitted: true },
    { issuers: () => ['https://issuer.test'], isAdmitted: true },
    { issuers: [], isAdmitted: false },
    { issuers: ['https://issuer.test/'], isAdmitted: false },
    { issuers: () => [], isAdmitted: false },
  ])('for the issuers $issuers admits the token: $isAdmitted', async ({ issuers, isAdmitted }) => {
    const { issuer, authenticator } = await createWorld();
    expect(await outcomeOf(authenticator({ issuers })(await issuer.mint()))).toBe(
      isAdmitted ? 'user-1' : 'INVALID_TOKEN issuer',
    );
  });

  it('for users only refuses a client that has a token for itself', async () => {
    const { issuer, authenticator } = await createWorld();
    const machine = await issuer.mint({ sub: 'client-1', client_id: 'client-1' });
    const forUsers = authenticator({ userOnly: true });
    await expect(forUsers(machine)).rejects.toThrow(refusal('INSUFFICIENT_ROLE', 'user_only'));
    expect(await forUsers(await issuer.mint())).toMatchObject({ subject: 'user-1' });
    for (const options of [{}, { userOnly: false }, { issuers: [issuer.issuer] }])
      expect(await authenticator(options)(machine)).toMatchObject({ subject: 'client-1' });
  });

  it('names the realm when it refuses an issuer', async () => {
    const { issuer, authenticator } = await createWorld();
    await expect(authenticator({ issuers: [] })(await issuer.mint())).rejects.toThrow(
      refusal('INVALID_TOKEN', 'issuer', 'invalid_token'),
    );
  });

  it('refuses a user whom the application does not know', async () => {
    const { issuer, authenticator } = await createWorld();
    await expect(
      authenticator({ loadPrincipal: () => undefined })(await issuer.mint()),
    ).rejects.toThrow(refusal('INVALID_TOKEN', 'user_unknown', 'invalid_token'));
  });

  it('asks its own loadPrincipal, or else that of createAuth()', async () => {
    const { issuer, authenticator } = await createWorld();
    const context = { loadPrincipal: () => ({ roles: ['shared'] }) };
    const token = await issuer.mint();
    expect(await authenticator({}, context)(token)).toMatchObject({ user: { roles: ['shared'] } });
    const loadPrincipal = () => ({ roles: ['own'] });
    expect(await authenticator({ loadPrincipal }, context)(token)).toMatchObject({
      user: { roles: ['own'] },
    });
  });

  it.each(['sessionCookie', 'cookie', 'checkSession'] as const)(
    'without sessions of our own may not have the option %s',
    async (name) => {
      const { authenticator } = await createWorld();
      expect(() => authenticator({ [name]: true })).toThrow(TypeError);
      expect(() => authenticator({ [name]: true })).toThrow(/needs our own sessions/);
      expect(() => authenticator({ [name]: false })).not.toThrow();
    },
  );

  it.each([
    { userOnly: true },
    { issuers: [] },
    { loadPrincipal: () => ({}) },
    { checkSession: false },
    { sessionCookie: false },
    { cookie: false },
    { allowPasswordChange: true },
  ])('may have the option %o', async (options) => {
    const { verifier } = await createWorld();
    expect(() => requireAuth(verifier, options)).not.toThrow();
  });
});

describe('a guard with checkSession', () => {
  it.each([
    { title: 'at once', isLive: true },
    { title: 'later', isLive: Promise.resolve(true) },
  ])('admits a session that lives, and loads its user: known $title', async ({ isLive }) => {
    const { issuer, authenticator } = await createWorld();
    const authenticate = authenticator(
      { checkSession: true, loadPrincipal: () => ({ roles: ['admin'] }) },
      { isSessionLive: () => isLive },
    );
    expect(await authenticate(await issuer.mint())).toMatchObject({ user: { roles: ['admin'] } });
  });

  it.each([
    { title: 'at once', isLive: false },
    { title: 'later', isLive: Promise.resolve(false) },
  ])('refuses a session that has ended, and loads no user: known $title', async ({ isLive }) => {
    const { events, issuer, authenticator } = await createWorld();
    let loads = 0;
    const loadPrincipal = () => {
      loads += 1;
      return {};
    };
    const authenticate = authenticator(
      { checkSession: true, loadPrincipal },
      { isSessionLive: () => isLive },
    );
    await expect(authenticate(await issuer.mint())).rejects.toThrow(
      refusal('TOKEN_REVOKED', 'session', 'invalid_token'),
    );
    expect(loads).toBe(0);
    expect(events.of('token.refused')).toMatchObject([{ code: 'TOKEN_REVOKED' }]);
  });

  it('and nothing else refuses a session that has ended', async () => {
    const { issuer, authenticator } = await createWorld();
    const authenticate = authenticator({ checkSession: true }, { isSessionLive: () => false });
    expect(await outcomeOf(authenticate(await issuer.mint()))).toBe('TOKEN_REVOKED session');
  });

  it('is the only one that asks for the session', async () => {
    const { issuer, authenticator } = await createWorld();
    const context = { isSessionLive: () => false };
    const token = await issuer.mint();
    expect(await authenticator({}, context)(token)).toBeDefined();
    expect(
      await authenticator({ checkSession: false, issuers: [issuer.issuer] }, context)(token),
    ).toBeDefined();
  });
});

describe('a guard with sessionCookie', () => {
  async function withSession(options: AuthenticatorOptions, isDefault?: boolean) {
    const { issuer, verifier, authenticator, events } = await createWorld();
    const ofCookie = await verifier.verify(await issuer.mint({ sub: 'cookie' }));
    const readSession = ({ headers }: RequestHead): Promise<Principal | undefined> | undefined => {
      if (headers.cookie === undefined) return undefined;
      return Promise.resolve(headers.cookie === 'session=1' ? ofCookie : undefined);
    };
    const context: AuthenticatorContext = {
      readSession,
      ...(isDefault !== undefined && { sessionCookie: isDefault }),
    };
    return { issuer, events, authenticate: authenticator(options, context) };
  }

  it.each([
    { options: {}, isDefault: undefined, accepts: false },
    { options: {}, isDefault: false, accepts: false },
    { options: {}, isDefault: true, accepts: true },
    { options: { sessionCookie: true }, isDefault: undefined, accepts: true },
    { options: { sessionCookie: true }, isDefault: false, accepts: true },
    { options: { sessionCookie: false }, isDefault: true, accepts: false },
  ])(
    'accepts one when asked to: $options, createAuth() says $isDefault',
    async ({ options, isDefault, accepts }) => {
      const { authenticate } = await withSession(options, isDefault);
      const principal = await authenticate(undefined, { cookie: 'session=1' });
      expect(principal?.subject).toBe(accepts ? 'cookie' : undefined);
    },
  );

  it('finds nobody with a cookie of no session, and without one', async () => {
    const { authenticate } = await withSession({ sessionCookie: true });
    expect(await authenticate(undefined, { cookie: 'session=2' })).toBeUndefined();
    expect(await authenticate()).toBeUndefined();
  });

  it('goes by the token where both come along, also when it is refused', async () => {
    const { issuer, authenticate } = await withSession({ sessionCookie: true });
    const cookie = { cookie: 'session=1' };
    expect(await authenticate(await issuer.mint(), cookie)).toMatchObject({ subject: 'user-1' });
    await expect(authenticate('junk', cookie)).rejects.toThrow(refusal('INVALID_TOKEN', 'opaque'));
  });

  it('asks of its user what it asks of a token, and tells of the refusal', async () => {
    const { events, authenticate } = await withSession({ sessionCookie: true, issuers: [] });
    await expect(authenticate(undefined, { cookie: 'session=1' })).rejects.toThrow(
      refusal('INVALID_TOKEN', 'issuer'),
    );
    expect(events.of('token.refused')).toMatchObject([{ reason: 'issuer' }]);
  });
});
