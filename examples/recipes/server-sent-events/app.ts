import express, { type Express, type Request, type Response } from 'express';
import { type Auth, AuthError, type Principal, principalOf } from 'latchkey';
import { watchCaller } from '../watch-caller.js';
import { type Message, type Messages, nameOf } from './messages.js';

interface Stream {
  readonly caller: Principal;
  readonly end: () => void;
}

/** An answer that waits for a reader who is slower than the messages is given up; the reader comes back for the rest. */
const MOST_UNREAD_BYTES = 1_000_000;

export interface StreamOptions {
  /** Milliseconds between two checks of a reader's credential. @defaultValue `15_000` */
  readonly everyMs?: number;
  /** Milliseconds until a reader comes back, and up to twice as many: after a restart they don't come all at once. @defaultValue `2000` */
  readonly retryMs?: number;
  /** Streams of one user on this instance, for all tabs and devices. Each takes a socket and memory. @defaultValue `20` */
  readonly mostPerUser?: number;
}

export function createApp(auth: Auth, messages: Messages, options: StreamOptions = {}): Express {
  const { everyMs = 15_000, retryMs = 2000, mostPerUser = 20 } = options;
  const app = express();
  const muchLater = { retryAfterSeconds: (10 * retryMs) / 1000 };
  /** By user. */
  const streams = new Map<string, Set<Stream>>();

  // At once where the session ends on this instance; the check of `watchCaller()` is for the others.
  auth.on('session.revoked', ({ sessionId }) => {
    for (const { caller, end } of [...streams.values()].flatMap((own) => [...own]))
      if (caller.sessionId === sessionId) end();
  });

  function open(req: Request, res: Response): void {
    if (res.destroyed) return; // the client has left while the guard asked the store
    const caller = principalOf(req);
    const user = nameOf(caller);
    const own = streams.get(user) ?? new Set();
    if (own.size >= mostPerUser) throw new AuthError('RATE_LIMITED', muchLater);
    res.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store, no-transform', // no-transform: `compression` would keep messages back
      'X-Accel-Buffering': 'no', // and so would nginx
    });
    if (req.method === 'HEAD') return void res.end(); // Express gives it to the handler of GET

    const write = (text: string): void => {
      if (!res.write(text) && res.writableLength > MOST_UNREAD_BYTES) res.destroy();
    };
    const end = (): void => {
      close();
      res.end();
    };
    const stream = { caller, end };
    streams.set(user, own.add(stream));
    const ends = [
      messages.subscribe(caller, (message) => write(formatMessage(message))),
      watchCaller(auth, req, { caller, everyMs, onEnd: end }),
      repeat(everyMs, () => write(': still here\n\n')),
      () => own.delete(stream) && own.size === 0 && streams.delete(user),
    ];
    const close = (): void => ends.forEach((stop) => stop());
    res.on('close', close);

    // An EventSource that is made anew can't send the header.
    const lastId = req.get('Last-Event-ID') ?? req.query['after'];
    for (const message of messages.since(caller, lastId)) write(formatMessage(message));
    // Without an id of its own, a stream that ends before the first message would leave a gap.
    const backInMs = retryMs + Math.floor(Math.random() * retryMs);
    write(`retry: ${backInMs}\nid: ${messages.lastId()}\n\n`);
  }

  app.use(auth.securityHeaders());
  app.use('/api/auth', auth.router());
  app.get('/api/events', auth.requireAuth(), open);
  app.use(auth.errorHandler());
  return app;
}

/** JSON has no line break, which would end the message. */
function formatMessage({ id, content }: Message): string {
  return `id: ${id}\ndata: ${JSON.stringify(content)}\n\n`;
}

function repeat(everyMs: number, run: () => void): () => void {
  const timer = setInterval(run, everyMs);
  return () => clearInterval(timer);
}
