import express from 'express';
import Fastify, {
  type FastifyInstance,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify';
import { type Auth, AuthError, type Principal, principalOf } from 'latchkey';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who calls; null where no hook asked. Read it by `principalOf(request)`, which refuses a request that nobody checked. */
    auth: Principal | null;
  }
}

/** The application's own routes in Fastify, and the auth router below `/api/auth`. */
export async function createApp(
  auth: Auth,
  options: FastifyServerOptions = {},
): Promise<FastifyInstance> {
  const app = Fastify({ logger: true, ...options });
  app.decorateRequest('auth', null);
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof AuthError)
      // As bytes: to JSON of its own making Fastify adds a charset, which this media type doesn't have.
      return reply
        .code(error.status)
        .headers(error.headers)
        .header('Content-Type', 'application/problem+json')
        .send(Buffer.from(JSON.stringify(error.problem)));
    if (isAboutRequest(error)) throw error;
    // Fastify would show the message of a database or a bug: it may quote a query, an address, a secret.
    request.log.error(error);
    return reply.code(500).send({ statusCode: 500, error: 'Internal Server Error' });
  });

  /** For `onRequest`: before the body is read, so that strangers can't make us parse one. */
  async function requireAuth(request: FastifyRequest): Promise<void> {
    request.auth = await auth.authenticate(request.raw);
  }

  app.get('/api/me', { onRequest: requireAuth }, async (request) => principalOf(request).user);
  app.post(
    '/api/reports',
    { onRequest: [requireAuth, requireScopes('reports:write')] },
    async (request, reply) => reply.code(201).send({ by: principalOf(request).subject }),
  );

  await app.register(authRoutes(auth));
  return app;
}

/** Fastify's own: a body that is no JSON, a query that the schema doesn't allow. What another HTTP client has thrown may have a status as well. */
function isAboutRequest(error: unknown): boolean {
  const { code, statusCode }: { code?: unknown; statusCode?: unknown } = Object(error);
  return String(code).startsWith('FST_') && Number(statusCode) < 500;
}

/** Refuses callers without all of the scopes. Comes after `requireAuth`; without it the answer is 401. */
function requireScopes(...scopes: [string, ...string[]]) {
  return async (request: FastifyRequest): Promise<void> => {
    const { scopes: held } = principalOf(request);
    if (!scopes.every((scope) => held.has(scope)))
      throw new AuthError('INSUFFICIENT_SCOPE', { scopes });
  };
}

/** The auth router is a small Express application of its own, which gets the raw request with its body unread. */
function authRoutes(auth: Auth) {
  const own = express();
  own.use(auth.securityHeaders());
  own.use('/api/auth', auth.router());
  own.use(auth.errorHandler());

  return async (scope: FastifyInstance): Promise<void> => {
    // Both count for this plugin only.
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _body, done) => done(null));
    scope.all('/api/auth/*', (request, reply) => {
      reply.hijack();
      own(request.raw, reply.raw);
    });
  };
}
