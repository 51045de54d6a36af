import {
  Agent,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { pipeline } from 'node:stream';

export interface Proxy {
  /** For `createServer()`. */
  readonly listener: RequestListener;
  /** Adds the instance at this port of this machine. */
  readonly add: (port: number) => void;
  readonly remove: (port: number) => void;
  /** Keeps no connection to instances, and asks them no more. Call it when all requests have been answered. */
  readonly close: () => void;
}

interface Target {
  readonly port: number;
  isUp: boolean;
}

/** How often instances are asked whether they are ready. */
const CHECK_EVERY_MS = 250;

/**
 * Stands for nginx, Envoy, or the load balancer of a cloud, with what matters of them to an application: turns, kept connections, checks of
 * readiness, forwarded addresses, and a second try elsewhere where that can do no harm. No TLS, no upgrades. `patienceMs` is how long an
 * instance may take to say that it is ready.
 */
export function createProxy({ patienceMs = 1000 } = {}): Proxy {
  const targets = new Map<number, Target>();
  const agent = new Agent({ keepAlive: true, timeout: 30_000 });
  let turn = 0;

  /** Whom to try, in this order: each in turn, those that are not ready at last. */
  function candidates(): readonly Target[] {
    const all = [...targets.values()];
    turn += 1;
    const first = turn % all.length;
    const turned = [...all.slice(first), ...all.slice(0, first)];
    return [...turned.filter(({ isUp }) => isUp), ...turned.filter(({ isUp }) => !isUp)];
  }

  const checks = setInterval(() => {
    for (const target of targets.values()) void check(target, patienceMs);
  }, CHECK_EVERY_MS);

  return {
    listener: (req, res) => forward({ req, res, agent }, candidates()),
    add: (port) => void targets.set(port, { port, isUp: true }),
    remove: (port) => void targets.delete(port),
    close() {
      clearInterval(checks);
      agent.destroy();
    },
  };
}

async function check(target: Target, patienceMs: number): Promise<void> {
  target.isUp = await fetch(`http://127.0.0.1:${target.port}/ready`, {
    signal: AbortSignal.timeout(patienceMs),
  }).then(
    ({ ok }) => ok,
    () => false,
  );
}

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly agent: Agent;
}

function forward(exchange: Exchange, [target, ...others]: readonly Target[]): void {
  const { req, res, agent } = exchange;
  if (!target) {
    fail(res, 503);
    return;
  }
  const { method, url: path } = req;
  const outgoing = request({
    ...{ host: '127.0.0.1', port: target.port, method, path, agent },
    headers: forwardedHeaders(req),
  });
  let isSent = false;
  const send = (): void => {
    isSent = true;
    req.pipe(outgoing);
  };
  // The body is not touched before there is a connection, so that another instance can still have it.
  outgoing.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', send);
    else send();
  });
  outgoing.once('response', (incoming) => {
    res.writeHead(incoming.statusCode ?? 502, without(incoming.headers, HOP_BY_HOP));
    // An answer that breaks off breaks off for the client, too.
    pipeline(incoming, res, () => undefined);
  });
  outgoing.on('error', () => {
    if (res.headersSent || res.destroyed) return;
    target.isUp = false;
    // It may have been carried out, and only the answer was lost.
    if (isSent && !isRepeatable(req)) fail(res, 502);
    else forward(exchange, others);
  });
  outgoing.once('timeout', () => void outgoing.destroy());
  res.once('close', () => {
    if (!res.writableFinished) outgoing.destroy();
  });
}

/** Whether a second time changes nothing, and there is no body that would have been read by now. */
function isRepeatable({ method, headers }: IncomingMessage): boolean {
  const hasBody = 'transfer-encoding' in headers || Number(headers['content-length'] ?? 0) > 0;
  return !hasBody && ['GET', 'HEAD', 'OPTIONS'].includes(method ?? '');
}

function fail(res: ServerResponse, status: 502 | 503): void {
  res.writeHead(status, { 'Content-Type': 'text/plain' }).end(`${status}\n`);
}

function forwardedHeaders({ headers, socket }: IncomingMessage): IncomingHttpHeaders {
  const before = headers['x-forwarded-for'];
  const address = socket.remoteAddress ?? '';
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  return {
    // How the body is framed stays as it was.
    ...without(headers, [...HOP_BY_HOP, ...named, 'forwarded'], 'transfer-encoding'),
    // What we have seen comes last: the application counts from there.
    'x-forwarded-for': before === undefined ? address : `${String(before)}, ${address}`,
    'x-forwarded-proto': 'http',
    'x-forwarded-host': headers.host,
  };
}

/** What is said between two neighbours only (RFC 9110 §7.6.1). */
const HOP_BY_HOP = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

function without(
  headers: IncomingHttpHeaders,
  names: readonly string[],
  kept?: string,
): IncomingHttpHeaders {
  const entries = Object.entries(headers);
  return Object.fromEntries(entries.filter(([name]) => name === kept || !names.includes(name)));
}
