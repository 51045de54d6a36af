import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { isRecord } from '../../lib/is-record.js';

/** What has crossed the wire in one direction. */
interface Message {
  readonly headers: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  readonly body: string;
  /** The target of a request. */
  readonly url?: string;
  /** Of an answer. */
  readonly status?: number;
}

/** Everything that an application was sent, has answered, and has exchanged with others. */
export type Tape = Message[];

/** Lets a listener work as before, and keeps what it reads and writes. */
export function tapped(tape: Tape, listener: RequestListener): RequestListener {
  return (req, res) => {
    const [asked, answered]: [Buffer[], Buffer[]] = [[], []];
    const push = req.push.bind(req);
    req.push = (chunk: unknown, ...rest) => {
      if (Buffer.isBuffer(chunk)) asked.push(chunk);
      return push(chunk, ...rest);
    };
    keepWritten(res, answered);
    res.on('finish', () => {
      tape.push(messageOf(req, asked), {
        headers: res.getHeaders(),
        body: Buffer.concat(answered).toString(),
        status: res.statusCode,
      });
    });
    listener(req, res);
  };
}

function messageOf({ headers, url = '' }: IncomingMessage, chunks: readonly Buffer[]): Message {
  return { headers, url, body: Buffer.concat(chunks).toString() };
}

function keepWritten(res: ServerResponse, chunks: Buffer[]): void {
  for (const method of ['write', 'end'] as const) {
    const original = res[method].bind(res) as (...given: unknown[]) => never;
    res[method] = (...given: unknown[]) => {
      const [chunk] = given;
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) chunks.push(Buffer.from(chunk));
      return original(...given);
    };
  }
}

/** The same for what the application asks of others. */
export function tappedFetch(tape: Tape, inner: typeof fetch = fetch): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const body = await request.clone().text();
    tape.push({ headers: Object.fromEntries(request.headers), url: request.url, body });
    const response = await inner(input, init);
    const headers = Object.fromEntries(response.headers);
    tape.push({ headers, body: await response.clone().text(), status: response.status });
    return response;
  };
}

/** Members, parameters and fields that hold a secret wherever they stand. */
export const SECRET_NAMES: ReadonlySet<string> = new Set([
  ...['authorization', 'cookie', 'dpop', 'x-api-key'],
  ...['password', 'old_password', 'new_password', 'client_secret', 'key', 'hash'],
  ...['token', 'access_token', 'refresh_token', 'id_token', 'logout_token', 'device_token'],
  ...['id_token_hint', 'client_assertion', 'credential', 'g_csrf_token', 'request_uri'],
  ...['code', 'auth_code', 'state', 'nonce', 'code_verifier'],
]);
/** In characters. What is shorter is no secret of ours. */
const SHORTEST = 8;
/** Ids that everybody may know, although some tokens have them in clear. */
const PUBLIC = new Set(['id', 'sub', 'sid', 'client_id', 'org_id']);

export interface Found {
  readonly secrets: ReadonlySet<string>;
  /** By which names and headers they were found. */
  readonly names: ReadonlySet<string>;
  readonly ids: ReadonlySet<string>;
}

/** Finds the secrets that are on a tape by their names and places, and the public ids. */
export function secretsOn(tape: Tape): Found {
  const [secrets, names, ids] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const take = (name: string, value: unknown): void => {
    if (typeof value !== 'string') return;
    if (PUBLIC.has(name)) ids.add(value);
    if (!SECRET_NAMES.has(name) || value.length < SHORTEST) return;
    secrets.add(value);
    names.add(name);
  };
  for (const { headers, url, body, status = 200 } of tape) {
    for (const [name, value] of secretHeaders(headers)) take(name, value);
    // Of a refusal `code` is a word of ours.
    if (status < 400)
      for (const [name, value] of [...membersOf(body), ...queryOf(url ?? headers['location'])])
        take(name, value);
  }
  for (const token of secrets) {
    for (const [name, value] of membersOf(payloadOf(token)))
      if (PUBLIC.has(name)) take(name, value);
    // A refresh token has the id of its session in clear.
    take('sid', /^r1\.[\w-]+\.([\w-]{22})\./.exec(token)?.[1]);
  }
  return { secrets, names, ids };
}

/** Credentials of requests, and the values of cookies in both directions. */
function secretHeaders(headers: Message['headers']): readonly Member[] {
  const [scheme = '', credential = ''] = String(headers['authorization'] ?? '').split(' ');
  const basic = scheme === 'Basic' ? Buffer.from(credential, 'base64').toString() : '';
  const password = decodeURIComponent(basic.slice(basic.indexOf(':') + 1));
  const set = [headers['set-cookie'] ?? []].flat().map((line) => String(line).split(';', 1)[0]);
  const cookies = [...String(headers['cookie'] ?? '').split('; '), ...set];
  return [
    ['authorization', credential],
    ['client_secret', password],
    ...['dpop', 'x-api-key'].map((name) => [name, headers[name]] as const),
    ...cookies.map((pair = '') => ['cookie', pair.slice(pair.indexOf('=') + 1)] as const),
  ];
}

type Member = readonly [name: string, value: unknown];

function membersOf(text: string): readonly Member[] {
  if (/^[[{]/.test(text))
    try {
      return deepMembers(JSON.parse(text));
    } catch {
      return [];
    }
  return /^[\w-]+=/.test(text) ? [...new URLSearchParams(text)] : [];
}

function deepMembers(value: unknown): readonly Member[] {
  if (Array.isArray(value)) return value.flatMap(deepMembers);
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap((member) => [member, ...deepMembers(member[1])]);
}

function queryOf(address: Message['headers'][string]): readonly Member[] {
  const [, query = ''] = String(address ?? '').split('?');
  return [...new URLSearchParams(query)];
}

function payloadOf(token: string): string {
  const [, payload = ''] = token.split('.');
  return Buffer.from(payload, 'base64url').toString();
}

/** So long is the shortest part of a secret that counts. */
const PART = 16;

/**
 * Returns the secrets of which a text holds something: all of a short one, else any {@link PART} characters in a row; as it is, encoded as
 * for a URL, or in base64. Parts that are a public id don't count.
 */
export function leaksIn(text: string, { secrets, ids }: Omit<Found, 'names'>): readonly string[] {
  const parts = new Set(windowsOf(text));
  const known = [...ids];
  return [...secrets].filter((secret) =>
    formsOf(secret).some((form) =>
      form.length < PART
        ? text.includes(form)
        : windowsOf(form).some((part) => parts.has(part) && !known.some((id) => id.includes(part))),
    ),
  );
}

function windowsOf(text: string): readonly string[] {
  return Array.from({ length: Math.max(0, text.length - PART + 1) }, (_, at) =>
    text.slice(at, at + PART),
  );
}

/** In base64 at each of the three places that a text may begin at within its groups. */
function formsOf(secret: string): readonly string[] {
  const encoded = ['', '.', '..'].flatMap((before) => {
    const bytes = Buffer.from(before + secret);
    // Without the first and last groups, which have bits of what stands around.
    return (['base64', 'base64url'] as const).map((as) => bytes.toString(as).slice(4, -4));
  });
  return [secret, encodeURIComponent(secret), ...encoded.filter(({ length }) => length >= PART)];
}
