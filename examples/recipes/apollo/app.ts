import { ApolloServer, type ContextFunction, HeaderMap } from '@apollo/server';
import { type ExpressContextFunctionArgument, expressMiddleware } from '@as-integrations/express5';
import express, { type Express } from 'express';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import { type Auth, AuthError, type Principal } from 'latchkey';

export interface Context {
  /** Undefined: nobody has signed in. A credential that is not good never comes so far. */
  readonly caller: Principal | undefined;
  readonly findInvoices: FindInvoices;
}

/** Asks your database. */
export type FindInvoices = (owner: Principal) => Promise<readonly string[]>;

const typeDefs = `#graphql
  type Query {
    motd: String!
    me: User
    invoices: [String!]
  }
  type Mutation {
    pay(invoice: ID!): String
  }
  type User {
    id: ID!
    username: String
  }
`;

const resolvers = {
  Query: {
    motd: () => 'Hello.',
    me: (_parent: unknown, _args: unknown, context: Context) => callerOf(context).user,
    invoices: (_parent: unknown, _args: unknown, context: Context) =>
      context.findInvoices(callerOf(context, 'invoices:read')),
  },
  Mutation: {
    pay: (_parent: unknown, { invoice }: { invoice: string }, context: Context) =>
      `${invoice} paid by ${callerOf(context, 'invoices:write').subject}`,
  },
};

/** The caller of a field that is for callers who have signed in, and whose token grants these scopes. */
function callerOf({ caller }: Context, ...scopes: readonly string[]): Principal {
  if (!caller) throw new AuthError('CREDENTIALS_MISSING');
  if (!scopes.every((scope) => caller.scopes.has(scope)))
    throw new AuthError('INSUFFICIENT_SCOPE', { scopes });
  return caller;
}

/** The context of a request. A bad credential, or an outage, answers for the whole request, with its own status and headers. */
function contextOf(
  auth: Auth,
  findInvoices: FindInvoices,
): ContextFunction<[ExpressContextFunctionArgument], Context> {
  return async ({ req, res }) => {
    res.vary('Cookie');
    try {
      return { caller: await auth.authenticate(req), findInvoices };
    } catch (error) {
      if (!(error instanceof AuthError)) throw error;
      if (error.code === 'CREDENTIALS_MISSING') return { caller: undefined, findInvoices };
      const headers = new HeaderMap(Object.entries(error.headers));
      const http = { status: error.status, headers };
      throw new GraphQLError(error.message, { originalError: error, extensions: { http } });
    }
  };
}

/** Names a refusal by the code that GraphQL clients know, and by ours. Apollo shows the messages of all other errors, too. */
function formatError(formatted: GraphQLFormattedError, thrown: unknown): GraphQLFormattedError {
  const error = thrown instanceof GraphQLError ? thrown.originalError : thrown;
  if (error instanceof AuthError) {
    const code = codes[error.status] ?? error.code;
    return { ...formatted, extensions: { code, problem: error.problem } };
  }
  const isMeant = error === undefined || error instanceof GraphQLError;
  if (isMeant || formatted.extensions?.['code'] !== ACCIDENT) return formatted;
  // Of a database or a bug: it may quote a query, an address, a secret.
  console.error(error);
  return { ...formatted, message: 'Internal server error', extensions: { code: ACCIDENT } };
}

const ACCIDENT = 'INTERNAL_SERVER_ERROR';

const codes: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  503: 'SERVICE_UNAVAILABLE',
};

export async function createApp(
  auth: Auth,
  findInvoices: FindInvoices,
  options: { readonly allowBatchedHttpRequests?: boolean } = {},
): Promise<Express> {
  const server = new ApolloServer<Context>({ typeDefs, resolvers, formatError, ...options });
  await server.start();
  const app = express();
  app.use(auth.securityHeaders());
  app.use('/api/auth', auth.router());
  const context = contextOf(auth, findInvoices);
  app.use('/graphql', express.json(), expressMiddleware(server, { context }));
  app.use(auth.errorHandler());
  return app;
}
