import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Traffic } from './traffic.js';

/** Keep-alive connections to one server, each with at most one request under way. */
export interface Load {
  /** Sends requests for `ms` on every connection, one at least, and resolves when all are answered. */
  run(traffic: Traffic, ms: number): Promise<LoadResult>;
  close(): void;
}

export interface LoadResult {
  readonly requests: number;
  /** Requests with a good token that were answered 200. */
  readonly good: number;
  /** Requests with a good token that got any other answer. */
  readonly goodRefused: number;
  /** Until the last answer. */
  readonly elapsedMs: number;
  /** Of every good request, in milliseconds. */
  readonly latencies: readonly number[];
}

interface Connection {
  readonly socket: Socket;
  readonly index: number;
  /** Counts this connection's requests, so that good and hostile ones alternate on each. */
  turn: number;
  isGood: boolean;
  sentAt: number;
  /** What has arrived of an answer that is not complete. */
  partial: string;
}

interface Slice {
  readonly traffic: Traffic;
  readonly endsAt: number;
  readonly latencies: number[];
  requests: number;
  good: number;
  goodRefused: number;
  underWay: number;
  readonly drained: () => void;
  readonly fail: (error: Error) => void;
}

/** No answer takes this long unless something hangs. */
const DRAIN_MS = 20_000;

/**
 * Sockets and ready-made bytes instead of an HTTP client: the generator must cost far less than the server,
 * or it would be what is measured.
 */
export async function createLoad(port: number, size = 64): Promise<Load> {
  let slice: Slice | undefined;
  let isClosed = false;

  function send(connection: Connection, running: Slice): void {
    const { bytes, isGood } = running.traffic.next(connection.turn, connection.index);
    connection.turn += 1;
    connection.isGood = isGood;
    connection.sentAt = performance.now();
    running.underWay += 1;
    connection.socket.write(bytes);
  }

  function receive(connection: Connection, text: string): void {
    if (!slice) throw new Error('an answer to nothing');
    const answer = connection.partial + text;
    if (!isComplete(answer)) {
      connection.partial = answer;
      return;
    }
    connection.partial = '';
    settle(connection, { slice, isOk: answer.startsWith('200', 'HTTP/1.1 '.length) });
  }

  function settle(connection: Connection, outcome: { slice: Slice; isOk: boolean }): void {
    const running = outcome.slice;
    const now = performance.now();
    running.requests += 1;
    running.underWay -= 1;
    if (connection.isGood) {
      if (outcome.isOk) running.good += 1;
      else running.goodRefused += 1;
      running.latencies.push(now - connection.sentAt);
    }
    if (now < running.endsAt) send(connection, running);
    else if (running.underWay === 0) running.drained();
  }

  const connections = await Promise.all(
    Array.from({ length: size }, (_, index) =>
      open(port, { index, receive, fail: (error) => slice?.fail(error) }),
    ),
  );

  return {
    async run(traffic, ms) {
      if (isClosed) throw new Error('the load is closed');
      const startedAt = performance.now();
      const counts = { latencies: [], requests: 0, good: 0, goodRefused: 0, underWay: 0 };
      const { promise, resolve, reject } = withResolvers();
      const running: Slice = {
        ...counts,
        traffic,
        endsAt: startedAt + ms,
        drained: resolve,
        fail: reject,
      };
      slice = running;
      const timer = setTimeout(
        () => reject(new Error('the server stopped answering')),
        ms + DRAIN_MS,
      );
      for (const connection of connections) send(connection, running);
      await promise.finally(() => clearTimeout(timer));
      slice = undefined;
      const { requests, good, goodRefused, latencies } = running;
      return { requests, good, goodRefused, latencies, elapsedMs: performance.now() - startedAt };
    },
    close() {
      isClosed = true;
      for (const { socket } of connections) socket.destroy();
    },
  };
}

interface Wiring {
  readonly index: number;
  readonly receive: (connection: Connection, text: string) => void;
  readonly fail: (error: Error) => void;
}

async function open(port: number, { index, receive, fail }: Wiring): Promise<Connection> {
  const buffer = Buffer.alloc(16_384);
  const socket = connect({
    port,
    host: '127.0.0.1',
    onread: {
      buffer,
      callback(length) {
        receive(connection, buffer.toString('latin1', 0, length));
        return true;
      },
    },
  });
  const connection: Connection = {
    socket,
    index,
    turn: index,
    isGood: true,
    sentAt: 0,
    partial: '',
  };
  socket.setNoDelay(true);
  socket.on('error', fail);
  socket.on('close', () => fail(new Error('the server closed a connection')));
  await once(socket, 'connect');
  return connection;
}

function isComplete(answer: string): boolean {
  const headEnd = answer.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const at = answer.indexOf('Content-Length: ');
  const length = at < 0 ? 0 : Number.parseInt(answer.slice(at + 'Content-Length: '.length), 10);
  return answer.length >= headEnd + 4 + length;
}

function withResolvers() {
  let resolve = (): void => undefined;
  let reject: (error: Error) => void = () => undefined;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
