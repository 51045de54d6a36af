import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { serve } from './serve.js';

/** A question that has reached the endpoint. */
interface Question {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly form: Readonly<Record<string, string>>;
}

/** How the endpoint answers: an object becomes JSON; a function does as it likes. */
export type EndpointAnswer =
  | Readonly<Record<string, unknown>>
  | ((response: ServerResponse, question: Question) => unknown);

export interface IntrospectionServer {
  readonly issuer: string;
  readonly endpoint: string;
  readonly questions: readonly Question[];
  answer: EndpointAnswer;
  /** Path → document, for metadata and keys. */
  readonly documents: Map<string, unknown>;
  /** Documents that were fetched, by path. */
  readonly fetched: readonly string[];
}

export const CLIENT = { clientId: 'invoices-api', clientSecret: 's3cret: of the+API' } as const;

/** An introspection endpoint over loopback HTTP that says whatever a test wants. */
export async function serveIntrospection(answer: EndpointAnswer): Promise<IntrospectionServer> {
  const questions: Question[] = [];
  const fetched: string[] = [];
  const documents = new Map<string, unknown>();

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url, headers } = request;
    if (method === 'GET') {
      fetched.push(url ?? '');
      response.statusCode = documents.has(url ?? '') ? 200 : 404;
      response.end(JSON.stringify(documents.get(url ?? '') ?? {}));
      return;
    }
    const form = Object.fromEntries(new URLSearchParams(await text(request)));
    const question = { method, url, headers, form };
    questions.push(question);
    if (typeof server.answer === 'function') await server.answer(response, question);
    else sendJson(response, server.answer);
  }

  const { origin } = await serve((request, response) => void handle(request, response));
  const server: IntrospectionServer = {
    issuer: origin,
    endpoint: `${origin}/introspect`,
    questions,
    fetched,
    documents,
    answer,
  };
  return server;
}

export function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}
