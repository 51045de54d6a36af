import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import express from 'express';
import { type Auth, principalOf, type SendMail } from 'latchkey';
import serverless from 'serverless-http';

/** As much of an event as we look at: of a REST API (format 1.0), an HTTP API (2.0), a function URL (2.0) or a load balancer. */
export interface LambdaEvent {
  readonly path?: string;
  readonly rawPath?: string;
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[] | undefined>>;
  readonly requestContext: { readonly requestId?: string; readonly elb?: object };
}

export interface HandlerParts {
  readonly auth: Auth;
  /** Hands the mail to a queue, so that nobody waits for a mail server. */
  readonly sendMail: SendMail;
  /** Longer than `sendMail` takes. @defaultValue `500` */
  readonly mailMs?: number;
}

/** Call it once, when the module is loaded: connections, keys and caches then last as long as the process, which serves many events. */
export function createHandler({ auth, sendMail, mailMs = 500 }: HandlerParts) {
  const app = express();
  // Only so that nobody warns of X-Forwarded-For: the address is in `req.ip` already.
  app.set('trust proxy', 1);
  app.use(auth.securityHeaders());
  app.use('/api/auth', auth.router({ sendMail }));
  app.get('/api/me', auth.requireAuth({ sessionCookie: true }), (req, res) => {
    res.json(principalOf(req).user);
  });
  app.use(auth.errorHandler());
  const answer = serverless(app, { request: asReceived });

  return async (event: LambdaEvent, context: object = {}): Promise<object> => {
    const response = await answer(event, context);
    // Lambda freezes the process when this returns, and mails are sent behind replies. So that the time doesn't tell whether there
    // was one, these routes always take it.
    const isMailing = MAILING.test(event.rawPath ?? event.path ?? '');
    await Promise.all([auth.settled(), isMailing && wait(mailMs)]);
    return response;
  };
}

const MAILING = /\/(?:forgot-password|sign-up|change-email)$/;

/** Adds what serverless-http 4.0 makes nothing of. */
function asReceived(
  req: IncomingMessage,
  { requestContext, multiValueHeaders }: LambdaEvent,
): void {
  const { requestId, elb } = requestContext;
  if (elb && !multiValueHeaders)
    throw new Error(
      'set lambda.multi_value_headers.enabled in the target group: cookies are lost without it',
    );

  const lines = Object.entries(multiValueHeaders ?? {}).map(
    ([name, values = []]) => [name.toLowerCase(), values] as const,
  );
  // A credential that comes twice is refused; `headers` has the last one only.
  req.rawHeaders = lines.flatMap(([name, values]) => values.flatMap((value) => [name, value]));
  const cookies = lines.find(([name]) => name === 'cookie')?.[1];
  if (cookies) req.headers.cookie = cookies.join('; ');

  // One id in the logs of the API Gateway and in ours.
  if (requestId !== undefined) Object.assign(req, { id: requestId });
  // API Gateway says who connects. A load balancer appends it to what the client may have written.
  const forwarded = String(req.headers['x-forwarded-for'] ?? '');
  if (elb) Object.assign(req, { ip: forwarded.split(',').at(-1)?.trim() });
}
