import type { Server as HttpServer } from 'node:http';
import {
  type Auth,
  AuthError,
  type OrgMembership,
  type Principal,
  type RequestHead,
} from 'latchkey';
import { type DefaultEventsMap, type Namespace, Server, type Socket } from 'socket.io';
import { z } from 'zod';
import { watchCaller } from '../watch-caller.js';

/** `unknown`: a client sends what it likes, also no function to reply by, and a throw in a listener ends the process. */
interface ClientEvents {
  say: (message: unknown, reply: unknown) => void;
}
interface ServerEvents {
  said: (message: { readonly by: string; readonly text: string }) => void;
  notice: (text: string) => void;
}
interface SocketFacts {
  caller: Principal;
  orgs: readonly OrgMembership[];
}
type Chat = Namespace<ClientEvents, ServerEvents, DefaultEventsMap, SocketFacts>;
type ChatSocket = Socket<ClientEvents, ServerEvents, DefaultEventsMap, SocketFacts>;

/** Where to reach all sockets of a user: `io.to(userRoom(caller)).emit('notice', …)`. An id is unique within its issuer only. */
export const userRoom = ({ issuer, subject }: Pick<Principal, 'issuer' | 'subject'>): string =>
  JSON.stringify(['user', issuer, subject]);
const sessionRoom = (sessionId: string): string => JSON.stringify(['session', sessionId]);
const orgRoom = (orgId: string): string => JSON.stringify(['org', orgId]);
const memberRoom = (orgId: string, userId: string): string =>
  JSON.stringify(['member', orgId, userId]);

export interface SocketOptions {
  /** Milliseconds between two checks of a caller. @defaultValue `15_000` */
  readonly checkEveryMs?: number;
  /** Sockets of one user on this instance and in one namespace, for all tabs and devices. @defaultValue `20` */
  readonly mostPerUser?: number;
}

export function attachSockets(auth: Auth, server: HttpServer, options: SocketOptions = {}) {
  const io = new Server<ClientEvents, ServerEvents, DefaultEventsMap, SocketFacts>(server, {
    serveClient: false,
    connectTimeout: 10_000, // for connections that join no namespace, those of refused clients among them
    cors: { origin: [...auth.config.corsOrigins], credentials: true },
  });
  // `io.use()` is for the namespace `/` alone.
  guard(auth, io.of('/'), options);
  io.on('new_namespace', (namespace) => guard(auth, namespace, options));
  return io;
}

/** Lets only callers into a namespace who have signed in, and only for as long as their credential is good. */
function guard(auth: Auth, namespace: Chat, options: SocketOptions): void {
  const { checkEveryMs = 15_000, mostPerUser = 20 } = options;

  async function admit(socket: ChatSocket): Promise<void> {
    const caller = await auth.authenticate(headOf(socket));
    Object.assign(socket.data, { caller, orgs: await auth.orgsOf(caller) });
    const room = userRoom(caller);
    const others = namespace.adapter.rooms.get(room)?.size ?? 0;
    if (others >= mostPerUser) throw new AuthError('RATE_LIMITED');
    // Before the next handshake is counted. Socket.io takes a socket that it does not let in out of its rooms.
    void socket.join(room);
  }

  /** Roles and scopes as of the last check, and the rooms that follow from them. An outage of the store changes nothing. */
  async function settle(socket: ChatSocket, caller: Principal): Promise<void> {
    const facts = { caller, orgs: await auth.orgsOf(caller).catch(() => socket.data.orgs) };
    const rooms = roomsOf(facts);
    for (const room of roomsOf(socket.data)) if (!rooms.includes(room)) void socket.leave(room);
    Object.assign(socket.data, facts);
    void socket.join(rooms);
  }

  namespace.use((socket, next) => {
    admit(socket).then(
      () => next(),
      (error: unknown) => next(refusalOf(error)),
    );
  });

  namespace.on('connection', (socket) => {
    const { caller } = socket.data;
    const stop = watchCaller(auth, headOf(socket), {
      caller,
      everyMs: checkEveryMs,
      onFound: (found) => void settle(socket, found),
      onEnd(why) {
        // The client of a closed connection comes back by itself, with a fresh token. One that was disconnected stays away.
        if (why === 'expired') socket.conn.close();
        else socket.disconnect(true);
      },
    });
    socket.on('disconnect', stop);
    void socket.join(roomsOf(socket.data));
    socket.on('say', (message, reply) => {
      const outcome = say(socket, message);
      if (typeof reply === 'function') reply(outcome);
    });
  });

  // At once, and with an adapter on every instance; the check is for what has no event.
  auth.on('session.revoked', ({ sessionId }) => {
    namespace.in(sessionRoom(sessionId)).disconnectSockets(true);
  });
  auth.on('org.member_removed', ({ orgId, userId }) => {
    namespace.in(memberRoom(orgId, userId)).socketsLeave(orgRoom(orgId));
  });
  auth.on('org.deleted', ({ orgId }) => namespace.socketsLeave(orgRoom(orgId)));
}

/** What the handshake brings to be judged. Scripts in browsers can't set headers on it, so that a token comes as `auth: { token }`. */
function headOf({ handshake, request }: ChatSocket): RequestHead {
  const { token }: { readonly token?: unknown } = handshake.auth;
  const { method, url, rawHeaders, socket } = request;
  return {
    method,
    url,
    rawHeaders,
    socket,
    headers: {
      ...request.headers,
      // Long polling begins with a GET. A cookie that comes along must be from a page of ours, as for a WebSocket.
      upgrade: 'websocket',
      ...(token !== undefined && {
        authorization: `Bearer ${typeof token === 'string' ? token : ''}`,
      }),
    },
  };
}

/** What the client gets as `connect_error`: `error.data` has status and code. */
function refusalOf(error: unknown): Error {
  const { status, code } = error instanceof AuthError ? error : { status: 500, code: 'INTERNAL' };
  return Object.assign(new Error(code), { data: { status, code } });
}

/** Rooms follow from who calls, never from a name that a client sends. */
function roomsOf({ caller, orgs }: SocketFacts): string[] {
  return [
    userRoom(caller),
    ...(caller.sessionId === undefined ? [] : [sessionRoom(caller.sessionId)]),
    ...orgs.flatMap(({ id }) => [orgRoom(id), memberRoom(id, caller.user.id)]),
  ];
}

const messageShape = z.object({ org: z.string(), text: z.string().max(2000) });

function say(socket: ChatSocket, message: unknown): { readonly error?: string } {
  const { caller } = socket.data;
  const { data } = messageShape.safeParse(message);
  if (!data) return { error: 'INVALID_REQUEST' };
  if (!caller.scopes.has('chat:write')) return { error: 'INSUFFICIENT_SCOPE' };
  const room = orgRoom(data.org);
  if (!socket.rooms.has(room)) return { error: 'ORG_FORBIDDEN' };
  socket.nsp.to(room).emit('said', { by: caller.subject, text: data.text });
  return {};
}
