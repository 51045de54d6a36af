import {
  assertRemoteUrl,
  createRemoteFetch,
  readBounded,
  type RemoteFetchOptions,
  TooLargeError,
} from '../../http/bounded-fetch.js';
import { PrivateAddressError } from '../../http/public-fetch.js';
import { isRecord } from '../../is-record.js';
import { placeTenant } from '../trusted-issuers/entra-clouds.js';
import { printable } from './printable.js';

const MAX_KEYS = 100;

/** Why there is no usable key set, or no answer about a token, in one word: for events and logs. */
export type KeyFetchReason =
  | 'network'
  | 'timeout'
  | 'status'
  | 'too_large'
  | 'not_json'
  | 'no_usable_key'
  | 'issuer_mismatch'
  | 'private_address'
  | 'url'
  // Of answers about a token:
  | 'credentials'
  | 'not_signed'
  | 'signature'
  | 'answer_claims';

export class KeyFetchError extends Error {
  override readonly name = 'KeyFetchError';
  readonly reason: KeyFetchReason;
  /** The issuer that the metadata names instead of ours, printable; undefined for other reasons. */
  readonly foundIssuer: string | undefined;

  constructor(
    reason: KeyFetchReason,
    message: string,
    options: ErrorOptions & { readonly foundIssuer?: string } = {},
  ) {
    super(message, options);
    this.reason = reason;
    this.foundIssuer = options.foundIssuer;
  }
}

export interface KeyFetchOptions extends RemoteFetchOptions {
  readonly timeoutMs: number;
}

/** Finds a URL in the issuer's metadata, whose `issuer` must be the very same text (RFC 8414 §3.3). */
export async function discoverUrl(
  name: 'jwks_uri' | 'introspection_endpoint',
  issuer: string,
  options: KeyFetchOptions,
): Promise<string> {
  // Entra publishes one document for all tenants; its `issuer` is the template itself.
  const base = placeTenant(issuer, 'common').replace(/\/$/, '');
  const metadata = await fetchJson(
    `${base}/.well-known/openid-configuration`,
    'application/json',
    options,
  );
  if (!isRecord(metadata) || metadata['issuer'] !== issuer) throw issuerMismatch(metadata, issuer);
  const url = metadata[name];
  if (typeof url !== 'string') throw new KeyFetchError('url', `the metadata has no ${name}`);
  return url;
}

function issuerMismatch(metadata: unknown, issuer: string): KeyFetchError {
  const found = isRecord(metadata) ? metadata['issuer'] : undefined;
  if (typeof found !== 'string')
    return new KeyFetchError('issuer_mismatch', `the metadata of "${issuer}" names no issuer`);
  const foundIssuer = printable(found);
  return new KeyFetchError(
    'issuer_mismatch',
    `the metadata is of the issuer "${foundIssuer}", and the configured issuer is "${issuer}"; they must be equal, character by character`,
    { foundIssuer },
  );
}

/** Fetches a JWK Set (RFC 7517 §5). Returns its members as they came; does not judge them. */
export async function fetchJwks(
  url: string,
  options: KeyFetchOptions,
): Promise<readonly unknown[]> {
  const set = await fetchJson(url, 'application/jwk-set+json, application/json', options);
  if (!isRecord(set) || !Array.isArray(set['keys']))
    throw new KeyFetchError('not_json', 'the response is not a JWK Set');
  if (set['keys'].length > MAX_KEYS)
    throw new KeyFetchError('too_large', `the JWK Set has more than ${MAX_KEYS} keys`);
  return set['keys'];
}

/** The media type of the response is not judged: servers send key sets as text, too. */
async function fetchJson(url: string, accept: string, options: KeyFetchOptions): Promise<unknown> {
  const { text } = await fetchReply(url, { headers: { Accept: accept } }, options);
  try {
    return JSON.parse(text);
  } catch {
    throw new KeyFetchError('not_json', 'the response is not JSON');
  }
}

/** What an endpoint has answered, its body read. */
export interface Reply {
  readonly status: number;
  /** As sent; empty where there is none. */
  readonly contentType: string;
  readonly text: string;
}

/** Fetches within time and size. Rejects with a KeyFetchError, also for a status other than the wanted ones. */
export async function fetchReply(
  text: string,
  { statuses = [200], ...request }: RequestInit & { readonly statuses?: readonly number[] },
  options: KeyFetchOptions,
): Promise<Reply> {
  const url = allowedUrl(text, options);
  const signal = AbortSignal.timeout(options.timeoutMs);
  try {
    const response = await createRemoteFetch(options)(url.href, { ...request, signal });
    const { status, headers } = response;
    if (!statuses.includes(status)) {
      await response.body?.cancel();
      throw new KeyFetchError('status', `${url.origin} responded with ${status}`);
    }
    // A decoder drops a byte order mark, which a parser may ignore (RFC 8259 §8.1).
    const body = new TextDecoder().decode(await readBounded(response));
    return { status, contentType: headers.get('content-type') ?? '', text: body };
  } catch (error) {
    if (error instanceof KeyFetchError) throw error;
    if (error instanceof PrivateAddressError)
      throw new KeyFetchError('private_address', 'the endpoint is within a private network', {
        cause: error,
      });
    if (error instanceof TooLargeError)
      throw new KeyFetchError('too_large', 'the response exceeds 1 MB');
    if (signal.aborted)
      throw new KeyFetchError('timeout', 'the endpoint did not respond in time', { cause: error });
    throw new KeyFetchError('network', 'the endpoint cannot be reached', { cause: error });
  }
}

function allowedUrl(text: string, permission: RemoteFetchOptions): URL {
  try {
    return assertRemoteUrl(text, permission);
  } catch (cause) {
    const reason = cause instanceof PrivateAddressError ? 'private_address' : 'url';
    throw new KeyFetchError(reason, 'nothing may be fetched from this URL', { cause });
  }
}
