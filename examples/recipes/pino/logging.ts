import type { RequestHandler } from 'express';
import { type Auth, AuthError, type AuthEventName, eventNames } from 'latchkey';
import { type DestinationStream, type LogFn, type Logger, pino } from 'pino';
import { pinoHttp } from 'pino-http';

/** Something of ours doesn't work. */
const errors: readonly AuthEventName[] = [
  ...(['store.failed', 'keys.failed', 'introspection.failed', 'hook.failed'] as const),
  'password.hash_broken',
];
/** Looks like an attack, or like a wrong setting. */
const warnings: readonly AuthEventName[] = [
  ...(['refresh.reused', 'login.failed', 'client.refused', 'rate.limited'] as const),
  ...(['impersonation.refused', 'keys.skipped', 'upstream.failed'] as const),
];

/** A logger that writes requests, responses and errors without secrets, wherever they are logged as `req`, `res` and `err`. */
export function createLogger(destination?: DestinationStream): Logger {
  const serializers = { req: describeRequest, res: describeResponse, err: describeError };
  return pino({ serializers, hooks: { logMethod: nameErrors } }, destination);
}

/** Logs every event with its members, of which none is secret. */
export function logEvents(auth: Auth, logger: Logger): void {
  for (const name of eventNames) {
    const level = errors.includes(name) ? 'error' : warnings.includes(name) ? 'warn' : 'info';
    auth.on(name, (event) => logger[level]({ event: name, ...event }, name));
  }
}

/** Logs every answer. Mount it after `securityHeaders()`: then its lines, those of `req.log`, and events share `requestId`. */
export function logRequests(logger: Logger): RequestHandler {
  return pinoHttp({
    logger,
    // Ours get the objects themselves, not what pino's own have made of them.
    wrapSerializers: false,
    quietReqLogger: true,
    customAttributeKeys: { reqId: 'requestId' },
    customLogLevel: (_req, { statusCode }) => (statusCode < 500 ? 'info' : 'error'),
  });
}

/** No header, and no query: links and callbacks carry codes and tokens there. */
function describeRequest({ method, url, originalUrl = url }: Requested): object {
  return { method, path: originalUrl.split('?', 1)[0] };
}

type Requested = { method: string; url: string; originalUrl?: string };

/** No header: `Set-Cookie` is a session, and `Location` may carry a code. */
function describeResponse({ statusCode }: { statusCode: number }): object {
  return { statusCode };
}

/** No members beside these: errors carry the request that failed with its headers, or the body that could not be parsed. */
function describeError(error: unknown, depth = 0): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name: type, code, status, reason, message, stack = '', cause }: Failure = error;
  // Where the client is to blame, the message quotes what it has sent.
  const isQuote = typeof status === 'number' && status < 500 && !(error instanceof AuthError);
  return {
    ...{ type, code, status, reason, ...(!isQuote && { message }) },
    stack: stack.split('\n').filter((line) => line.startsWith('    at ')),
    ...(cause !== undefined && depth < 5 && { cause: describeError(cause, depth + 1) }),
  };
}

type Failure = Error & { readonly [name in 'code' | 'status' | 'reason']?: unknown };

/** A line without a message would get that of its error. */
function nameErrors(this: Logger, args: Parameters<LogFn>, method: LogFn): void {
  const [first]: readonly unknown[] = args;
  const error: unknown = first instanceof Error ? first : Object(first).err;
  if (args.length === 1 && error instanceof Error) method.call(this, first, error.name);
  else method.apply(this, args);
}
