import { createServer } from 'node:http';
import { EventEmitter, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { type AuthOptions, createAuth } from 'latchkey';
import { createAuthClient } from 'latchkey/client';
import { createTestIssuer } from 'latchkey/testing';
import type { Socket as ServerSocket } from 'socket.io';
import {
  io as connect,
  type ManagerOptions,
  type Socket,
  type SocketOptions,
} from 'socket.io-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { attachSockets, userRoom } from '../../../examples/recipes/socket-io/app.js';
import { BASE } from '../../world/auth-server.js';
import { sessionCookie } from '../../world/login-app.js';

type ClientOptions = Partial<ManagerOptions & SocketOptions>;

/** Any token that is older than this has expired, and is still taken: clocks may differ by a few seconds. */
const JUST_EXPIRED = -1;

async function start(options: AuthOptions = {}, checkEveryMs = 15_000, mostPerUser = 20) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const auth = createAuth({
    ...BASE,
    publicUrl: origin,
    cookieSessions: true,
    ownOrganisations: true,
    trustedIssuers: [{ ...issuer.policy, allowedOrgs: ['acme'] }],
    tokenScopes: () => ['chat:write'],
    ...options,
  });
  const sockets = attachSockets(auth, server, { checkEveryMs, mostPerUser });
  sockets.of('/admin');
  onTestFinished(() => sockets.close());

  function open(clientOptions: ClientOptions = {}, namespace = '/'): Socket {
    const socket = connect(`${origin}${namespace}`, {
      forceNew: true,
      reconnectionDelay: 1,
      transports: ['websocket'],
      ...clientOptions,
    });
    onTestFinished(() => void socket.close());
    return socket;
  }
  const token = (claims: Readonly<Record<string, unknown>> = {}) => issuer.mint(claims);
  async function signIn(roles: readonly string[] = []) {
    const user = await auth.users.create({ username: 'ada', roles });
    const { name, value } = await sessionCookie({ auth, origin }, user);
    return { user, cookie: `${name}=${value}` };
  }
  return { auth, issuer, sockets, origin, open, token, signIn };
}

const connected = (socket: Socket) => once(socket as never, 'connect');
const refusal = async (socket: Socket): Promise<unknown> => {
  const [error] = (await once(socket as never, 'connect_error')) as [{ readonly data?: unknown }];
  return error.data;
};
const disconnected = async (socket: Socket): Promise<unknown> => {
  const [reason] = (await once(socket as never, 'disconnect')) as [unknown];
  return reason;
};

describe('the recipe for socket.io', () => {
  it.each([{ transports: ['websocket'] }, { transports: ['polling'] }])(
    'knows the caller by the token of the handshake, by $transports',
    async (options) => {
      const { open, token, sockets, origin } = await start();
      const client = createAuthClient({
        baseUrl: origin,
        tokenSource: () => token({ sub: 'ada' }),
      });
      const auth = (send: (data: object) => void) =>
        void client.token().then((found) => send({ token: found }));
      const [[serverSocket]] = await Promise.all([
        once(sockets, 'connection') as Promise<[ServerSocket]>,
        connected(open({ ...options, auth })),
      ]);
      expect(serverSocket.data).toMatchObject({ caller: { subject: 'ada' } });
    },
  );

  it.each([
    { title: 'no token', auth: {}, code: 'CREDENTIALS_MISSING' },
    { title: 'a bad token', auth: { token: 'x.y.z' }, code: 'INVALID_TOKEN' },
    { title: 'no text for a token', auth: { token: { toString: 1 } }, code: 'INVALID_TOKEN' },
  ])(
    'refuses $title, in every namespace, and the client does not try again',
    async ({ auth, code }) => {
      const { open } = await start();
      for (const namespace of ['/', '/admin']) {
        const socket = open({ auth }, namespace);
        expect(await refusal(socket)).toEqual({ status: 401, code });
        expect(socket.active).toBe(false);
      }
    },
  );

  it('says 503 while the keys cannot be had', async () => {
    const { open, token, issuer } = await start();
    const auth = { token: await token() };
    issuer.goDown();
    expect(await refusal(open({ auth }))).toEqual({ status: 503, code: 'KEYS_UNAVAILABLE' });
  });

  it('closes the connection when its token expires, and the client comes back with a fresh one', async () => {
    const startedAt = Date.now();
    // Its clock stands still: what has just expired is still taken, however long the way to it.
    const { open, token, sockets } = await start({ now: () => startedAt });
    const subjects: unknown[] = [];
    sockets.on('connection', ({ data }) => subjects.push(data.caller.subject));
    const ends = [JUST_EXPIRED, 900];
    const socket = open({
      auth: (send) => {
        const exp = Math.floor(startedAt / 1000) + (ends.shift() ?? 0);
        void token({ sub: 'ada', iat: exp - 900, exp }).then((fresh) => send({ token: fresh }));
      },
    });
    expect(await disconnected(socket)).toBe('transport close');
    await connected(socket);
    expect(subjects).toEqual(['ada', 'ada']);
  });

  it('gets a client in that had no token at the first attempt', async () => {
    const { open, token } = await start();
    const tokens = [() => Promise.reject(new Error('offline')), token];
    const socket = open({
      auth: (send) => {
        void tokens
          .shift()?.()
          .then(
            (found) => send({ token: found }),
            () => socket.io.engine.close(),
          );
      },
    });
    await connected(socket);
    expect(tokens).toEqual([]);
  });

  it('disconnects all sockets of a session that ends, in every namespace, and no others', async () => {
    const { open, signIn, auth, token, origin } = await start();
    const { user, cookie } = await signIn();
    const extraHeaders = { cookie, origin };
    const sockets = [open({ extraHeaders }), open({ extraHeaders }, '/admin')];
    const other = open({ auth: { token: await token() } });
    await Promise.all([...sockets, other].map(connected));
    const gone = Promise.all(sockets.map(disconnected));
    await auth.sessions.revoke({ userId: user.id }, 'logout');
    expect(await gone).toEqual(['io server disconnect', 'io server disconnect']);
    expect(sockets.map(({ active }) => active)).toEqual([false, false]);
    expect(other.connected).toBe(true);
  });

  it('disconnects a caller of whom only the hook knows that the token is revoked', async () => {
    const revoked = new Set<string>();
    const { open, token } = await start({ isRevoked: ({ subject }) => revoked.has(subject) }, 5);
    const socket = open({ auth: { token: await token({ sub: 'ada' }) } });
    await connected(socket);
    const gone = disconnected(socket);
    revoked.add('ada');
    expect(await gone).toBe('io server disconnect');
  });

  it('stays open while an outage keeps it from checking', async () => {
    const checks = new EventEmitter();
    let down = false;
    const isRevoked = () => {
      if (!down) return false;
      checks.emit('failed');
      throw new Error('the hook is down');
    };
    const { open, token } = await start({ isRevoked }, 5);
    const socket = open({ auth: { token: await token() } });
    await connected(socket);
    down = true;
    await once(checks, 'failed');
    await once(checks, 'failed');
    expect(socket.connected).toBe(true);
  });

  it('reaches a user by a room, and never one of another issuer who has the same id', async () => {
    const { open, token, sockets, issuer, signIn, origin } = await start();
    const { user, cookie } = await signIn();
    const own = open({ extraHeaders: { cookie, origin } });
    const foreign = open({ auth: { token: await token({ sub: user.id }) } });
    await Promise.all([own, foreign].map(connected));
    const notices: unknown[] = [];
    own.on('notice', (text) => notices.push(text));
    const heard = once(foreign as never, 'notice');
    sockets.to(userRoom({ issuer: issuer.issuer, subject: user.id })).emit('notice', 'hello');
    expect(await heard).toEqual(['hello']);
    expect(notices).toEqual([]);
  });

  it('takes a message for an organisation of the caller only, with the scope, and in the right form', async () => {
    const { open, token } = await start();
    const claims = { orgs: ['acme'], scope: 'chat:write' };
    const writer = open({ auth: { token: await token({ sub: 'ada', ...claims }) } });
    const reader = open({ auth: { token: await token({ ...claims, scope: '' }) } });
    await Promise.all([writer, reader].map(connected));
    const said = once(reader as never, 'said');
    expect(await writer.emitWithAck('say', { org: 'acme', text: 'hello' })).toEqual({});
    expect(await said).toEqual([{ by: 'ada', text: 'hello' }]);
    expect(await writer.emitWithAck('say', { org: 'globex', text: 'hello' })).toEqual({
      error: 'ORG_FORBIDDEN',
    });
    expect(await reader.emitWithAck('say', { org: 'acme', text: 'hello' })).toEqual({
      error: 'INSUFFICIENT_SCOPE',
    });
    writer.emit('say', null);
    writer.emit('say', {}, 'no function');
    expect(await writer.emitWithAck('say', { org: {} })).toEqual({ error: 'INVALID_REQUEST' });
  });

  it('takes a member who is removed out of the room of the organisation', async () => {
    const { open, signIn, auth, origin } = await start();
    const { user, cookie } = await signIn();
    const owner = await auth.users.create({ username: 'owner' });
    await auth.organisations.create({ name: 'Acme', ownerId: owner.id, id: 'acme' });
    await auth.organisations.addMember({ orgId: 'acme', userId: user.id });
    const socket = open({ extraHeaders: { cookie, origin } });
    await connected(socket);
    expect(await socket.emitWithAck('say', { org: 'acme', text: 'hello' })).toEqual({});
    await auth.organisations.removeMember({ orgId: 'acme', userId: user.id });
    expect(await socket.emitWithAck('say', { org: 'acme', text: 'hello' })).toEqual({
      error: 'ORG_FORBIDDEN',
    });
  });
});

describe('the recipe for socket.io, of a caller who changes while connected', () => {
  async function member() {
    let aheadMs = 0;
    const now = () => Date.now() + aheadMs;
    const world = await start({ tokenScopes: ({ roles }) => [...roles], now }, 5);
    const { auth, open, origin } = world;
    const { user, cookie } = await world.signIn(['chat:write']);
    const owner = await auth.users.create({ username: 'owner' });
    await auth.organisations.create({ name: 'Acme', ownerId: owner.id, id: 'acme' });
    const socket = open({ extraHeaders: { cookie, origin } });
    await connected(socket);
    const say = () => socket.emitWithAck('say', { org: 'acme', text: 'hello' }) as Promise<object>;
    return {
      ...world,
      user,
      socket,
      say,
      advance: (seconds: number) => void (aheadMs += seconds * 1000),
    };
  }

  it('asks for scopes that the caller has as of the last check', async () => {
    const { auth, user, say, advance } = await member();
    expect(await say()).toEqual({ error: 'ORG_FORBIDDEN' });
    await auth.users.update(user.id, { roles: [] });
    advance(901);
    await expect.poll(say).toEqual({ error: 'INSUFFICIENT_SCOPE' });
  });

  it('lets a new member into the room of the organisation, and out of it when that is deleted', async () => {
    const { auth, user, say } = await member();
    expect(await say()).toEqual({ error: 'ORG_FORBIDDEN' });
    await auth.organisations.addMember({ orgId: 'acme', userId: user.id });
    await expect.poll(say).toEqual({});
    await auth.organisations.remove('acme');
    await expect.poll(say).toEqual({ error: 'ORG_FORBIDDEN' });
  });

  it('keeps rooms of the application’s own', async () => {
    const { sockets, auth, user, say } = await member();
    sockets.socketsJoin('game');
    await auth.organisations.addMember({ orgId: 'acme', userId: user.id });
    await expect.poll(say).toEqual({});
    expect(sockets.of('/').adapter.rooms.get('game')?.size).toBe(1);
  });
});

it('the recipe for socket.io counts sockets that ask at the same moment', async () => {
  let here = 0;
  const gate = new EventEmitter();
  const loadPrincipal = async () => {
    here += 1;
    if (here === 10) process.nextTick(() => gate.emit('open'));
    await once(gate, 'open');
    return {};
  };
  const { open, token } = await start({ loadPrincipal }, 15_000, 3);
  const ofAda = { auth: { token: await token({ sub: 'ada' }) }, reconnection: false };
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => open(ofAda)).map((socket) =>
      Promise.race([connected(socket).then(() => 'connected'), refusal(socket)]),
    ),
  );
  expect(answers.filter((answer) => answer === 'connected')).toHaveLength(3);
});

it('the recipe for socket.io lets a user have so many sockets and no more, until one of them closes', async () => {
  const { open, token } = await start({}, 15_000, 1);
  const ofAda = { auth: { token: await token({ sub: 'ada' }) } };
  const first = open(ofAda);
  await connected(first);
  expect(await refusal(open(ofAda))).toEqual({ status: 429, code: 'RATE_LIMITED' });
  await connected(open({ auth: { token: await token({ sub: 'bob' }) } }));
  first.close();
  await expect
    .poll(async () => {
      const next = open(ofAda);
      return Promise.race([connected(next).then(() => 'in'), refusal(next)]);
    })
    .toBe('in');
});

describe('the recipe for socket.io with the session cookie', () => {
  it.each([{ transports: ['websocket'] }, { transports: ['polling'] }])(
    'takes a page of its own and none of another origin, by $transports',
    async ({ transports }) => {
      const { open, signIn, origin } = await start();
      const { cookie } = await signIn();
      await connected(open({ transports, extraHeaders: { cookie, origin } }));
      for (const headers of [{ origin: 'https://evil.example' }, {}])
        expect(await refusal(open({ transports, extraHeaders: { cookie, ...headers } }))).toEqual({
          status: 403,
          code: 'CROSS_SITE_REQUEST',
        });
    },
  );
});
