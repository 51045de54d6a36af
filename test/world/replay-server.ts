import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { serve } from './serve.js';

export type Json = Readonly<Record<string, unknown>>;

/** A request to a provider, and the URL that it was meant for. */
export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** Such as `POST /token`. */
  readonly endpoint: string;
}

/** Stands for all hosts of a provider, over loopback HTTP. */
export interface ReplayServer {
  /** `http://127.0.0.1:<port>`. */
  readonly origin: string;
  /** Requests by path so far, e.g. `requests('/user')`. */
  requests(path: string): number;
  /** Brings requests for the provider's hosts here, and rejects those for any other. */
  readonly fetch: typeof fetch;
}

/** Starts a server that runs until the test that asked for it has finished. */
export async function startReplayServer(
  hosts: readonly string[],
  answer: (asked: Asked) => Promise<void> | void,
): Promise<ReplayServer> {
  const counts = new Map<string, number>();
  const requests = (path: string): number => counts.get(path) ?? 0;
  const { origin } = await serve((request, response) => {
    const url = new URL(`http://localhost${request.url ?? ''}`);
    counts.set(url.pathname, requests(url.pathname) + 1);
    const endpoint = `${request.method} ${url.pathname}`;
    Promise.resolve(answer({ request, response, url, endpoint })).catch((error: unknown) => {
      response.destroy();
      // A mistake in here must not pass for a refusal over there. A client that went away is no mistake.
      if (request.errored === null) throw error;
    });
  });
  const bring: typeof fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (!hosts.includes(url.origin)) throw new TypeError(`${url.origin} is not of this provider`);
    // Joined as text: resolving a path that begins with two slashes would lead to another host.
    const here = `${origin}${url.pathname}${url.search}`;
    return fetch(input instanceof Request ? new Request(here, input) : here, init);
  };
  return Object.freeze({ origin, requests, fetch: bring });
}

/** What a user has agreed to. */
export interface Authorization {
  readonly redirectUri: string;
  readonly challenge: string | undefined;
  readonly scope: string;
  readonly state: string | undefined;
  readonly nonce: string | undefined;
  /** Every parameter of the request. */
  readonly parameters: URLSearchParams;
}

/** Reads an authorization request, as far as the protocol itself goes. Throws for what a provider would show an error page for. */
export function authorizationOf(url: string, clientId: string): Authorization {
  const { searchParams: parameters } = new URL(url);
  const get = (name: string): string | undefined => parameters.get(name) ?? undefined;
  const redirectUri = get('redirect_uri');
  if (get('client_id') !== clientId) throw new Error('client_id is not of this client');
  if (get('response_type') !== 'code') throw new Error('response_type is not code');
  if (redirectUri === undefined) throw new Error('redirect_uri is missing');
  const challenge = get('code_challenge');
  if (challenge !== undefined && get('code_challenge_method') !== 'S256')
    throw new Error('code_challenge_method is not S256');
  return {
    redirectUri,
    challenge,
    scope: get('scope') ?? '',
    state: get('state'),
    nonce: get('nonce'),
    parameters,
  };
}

/** Codes that have been given out. The first attempt with one spends it, right or wrong. */
export interface Codes {
  issue(authorization: Authorization): string;
  /** Undefined for a code that is not known or not for this verifier; 'redirect_uri' for another callback. */
  redeem(form: URLSearchParams): Authorization | 'redirect_uri' | undefined;
}

export function createCodes(prefix = ''): Codes {
  const issued = new Map<string, Authorization>();
  return {
    issue(authorization) {
      const code = `${prefix}${randomBytes(10).toString('hex')}`;
      issued.set(code, authorization);
      return code;
    },
    redeem(form) {
      const code = form.get('code') ?? '';
      const authorization = issued.get(code);
      issued.delete(code);
      if (authorization === undefined) return undefined;
      const { challenge, redirectUri } = authorization;
      if (challenge !== undefined && challengeOf(form.get('code_verifier') ?? '') !== challenge)
        return undefined;
      return (form.get('redirect_uri') ?? redirectUri) === redirectUri
        ? authorization
        : 'redirect_uri';
    },
  };
}

function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}

export function json(response: ServerResponse, status: number, body: object): void {
  response
    .writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' })
    .end(JSON.stringify(body));
}
