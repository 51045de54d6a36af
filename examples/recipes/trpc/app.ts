import { initTRPC, TRPCError } from '@trpc/server';
import {
  type CreateExpressContextOptions,
  createExpressMiddleware,
} from '@trpc/server/adapters/express';
import express, { type Express, type RequestHandler } from 'express';
import { type Auth, AuthError, type Principal } from 'latchkey';
import { z } from 'zod';

interface Context {
  /** Undefined: nobody has signed in. A credential that is not good never comes so far. */
  readonly caller: Principal | undefined;
  readonly findInvoices: FindInvoices;
}

/** Asks your database. */
export type FindInvoices = (owner: Principal) => Promise<readonly string[]>;

const t = initTRPC.context<Context>().create({
  errorFormatter({ shape, error: { cause, code } }) {
    if (cause instanceof AuthError)
      return { ...shape, data: { ...shape.data, problem: cause.problem } };
    // tRPC would show the message of a database or a bug: it may quote a query, an address, a secret.
    if (cause && code === 'INTERNAL_SERVER_ERROR')
      return {
        ...shape,
        message: 'Internal server error',
        data: { ...shape.data, stack: undefined },
      };
    return shape;
  },
});

/** What all procedures begin with: an `AuthError` gets the code of its status, here and from the procedure itself. */
const publicProcedure = t.procedure.use(async ({ next }) => {
  const result = await next();
  if (!result.ok && result.error.cause instanceof AuthError) throw trpcErrorOf(result.error.cause);
  return result;
});

/** For callers who have signed in. */
const protectedProcedure = publicProcedure.use(({ ctx: { caller }, next }) => {
  if (!caller) throw new AuthError('CREDENTIALS_MISSING');
  return next({ ctx: { caller } });
});

/** For callers whose token grants all of these scopes. */
const scopedProcedure = (...scopes: readonly string[]) =>
  protectedProcedure.use(({ ctx: { caller }, next }) => {
    if (!scopes.every((scope) => caller.scopes.has(scope)))
      throw new AuthError('INSUFFICIENT_SCOPE', { scopes });
    return next();
  });

function trpcErrorOf(error: AuthError): TRPCError {
  const code = codes[error.status] ?? 'INTERNAL_SERVER_ERROR';
  return new TRPCError({ code, message: error.message, cause: error });
}

const codes: Readonly<Record<number, TRPCError['code']>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORIZED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  409: 'CONFLICT',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'TOO_MANY_REQUESTS',
  503: 'SERVICE_UNAVAILABLE',
};

const router = t.router({
  motd: publicProcedure.query(() => 'Hello.'),
  me: protectedProcedure.query(({ ctx }) => ctx.caller.user),
  invoices: scopedProcedure('invoices:read').query(({ ctx }) => ctx.findInvoices(ctx.caller)),
  pay: scopedProcedure('invoices:write')
    .input(z.object({ invoice: z.string() }))
    .mutation(({ input, ctx }) => `${input.invoice} paid by ${ctx.caller.subject}`),
});
export type AppRouter = typeof router;

/** Serves the router. What refuses a credential is kept with its request, for the head of an answer that is sent before its calls are done. */
function serveRouter(auth: Auth, findInvoices: FindInvoices): RequestHandler {
  const refusals = new WeakMap<object, AuthError>();

  async function createContext({ req, info }: CreateExpressContextOptions): Promise<Context> {
    try {
      return { caller: await auth.authenticate(req), findInvoices };
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      if (error.code === 'CREDENTIALS_MISSING') return { caller: undefined, findInvoices };
      refusals.set(info, error);
      throw trpcErrorOf(error);
    }
  }

  return createExpressMiddleware({
    router,
    createContext,
    maxBatchSize: 20,
    onError({ error }) {
      if (error.code === 'INTERNAL_SERVER_ERROR') console.error(error.cause ?? error);
    },
    responseMeta({ info, errors }) {
      const refusal = info && refusals.get(info);
      const causes = [...errors.map(({ cause }) => cause), refusal];
      const heads = causes.map((cause) => (cause instanceof AuthError ? cause.headers : {}));
      const headers = Object.assign({ 'Cache-Control': 'no-store' }, ...heads);
      return refusal ? { status: refusal.status, headers } : { headers };
    },
  });
}

export function createApp(auth: Auth, findInvoices: FindInvoices): Express {
  const app = express();
  app.use(auth.securityHeaders());
  app.use('/api/auth', auth.router());
  app.use('/api/trpc', serveRouter(auth, findInvoices));
  app.use(auth.errorHandler());
  return app;
}
