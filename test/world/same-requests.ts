import type { Express } from 'express';
import { listen } from './serve.js';

export interface SameRequest {
  /** `GET` unless it says otherwise: `DELETE /articles/1`. */
  readonly route: string;
  /** Goes out as a bearer token. */
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that every application answers alike. */
export interface SameCase extends SameRequest {
  readonly title: string;
  readonly status: number;
  /** Claims of the token that it brings along, beside the usual ones. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Headers that the application of today adds, or says otherwise. @defaultValue none: all of them are the same */
  readonly adds?: Headers;
}

/** By their names in lower case. */
type Headers = Readonly<Record<string, string>>;

export interface SameAnswer {
  readonly status: number;
  /** What JSON says, or the text. */
  readonly body: unknown;
  /** Without those that tell of the connection, the time and the length. */
  readonly headers: Headers;
}

/** They say nothing about the answer, or only what its body says already. */
const INCIDENTAL = new Set(['connection', 'content-length', 'date', 'etag', 'keep-alive']);

/** An `exp` that is over. */
export function aMinuteAgo(): number {
  return Math.floor(Date.now() / 1000) - 60;
}

/** Sends a request to each application and returns the answers in their order. */
export async function askEach(
  apps: readonly Express[],
  { route, token, headers = {} }: SameRequest,
): Promise<SameAnswer[]> {
  const [path = '', method = 'GET'] = route.split(' ').toReversed();
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return Promise.all(
    apps.map(async (app) => {
      const served = await listen(app);
      const response = await fetch(`${served.origin}${path}`, {
        method,
        redirect: 'manual',
        headers: { ...authorization, ...headers },
      });
      const text = await response.text();
      await served.close();
      const isJson = text !== '' && response.headers.get('content-type')?.includes('json');
      return {
        status: response.status,
        body: isJson ? (JSON.parse(text) as unknown) : text,
        headers: Object.fromEntries(
          [...response.headers].filter(([name]) => !INCIDENTAL.has(name)),
        ),
      };
    }),
  );
}
