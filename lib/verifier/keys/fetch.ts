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

/** Why there is no usable key set, in one word: for events and logs. */
export type KeyFetchReason =
  | 'network'
  | 'timeout'
  | 'status'
  | 'too_large'
  | 'not_json'
  | 'no_usable_key'
  | 'issuer_mismatch'
  | 'private_address'
  | 'url';

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

/** Finds `jwks_uri` in the issuer's metadata, whose `issuer` must be the very same text (RFC 8414 §3.3). */
export async function discoverJwksUri(issuer: string, options: KeyFetchOptions): Promise<string> {
  // Entra publishes one document for all tenants; its `issuer` is the template itself.
  const base = placeTenant(issuer, 'common').replace(/\/$/, '');
  const metadata = await fetchJson(
    `${base}/.well-known/openid-configuration`,
    'application/json',
    options,
  );
  if (!isRecord(metadata) || metadata['issuer'] !== issuer) throw issuerMismatch(metadata, issuer);
  const jwksUri = metadata['jwks_uri'];
  if (typeof jwksUri !== 'string') throw new KeyFetchError('url', 'the metadata has no jwks_uri');
  return jwksUri;
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
async function fetchJson(text: string, accept: string, options: KeyFetchOptions): Promise<unknown> {
  const url = allowedUrl(text, options);
  const signal = AbortSignal.timeout(options.timeoutMs);
  try {
    const response = await createRemoteFetch(options)(url.href, {
      signal,
      headers: { Accept: accept },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new KeyFetchError('status', `${url.origin} responded with ${response.status}`);
    }
    // A decoder drops a byte order mark, which a parser may ignore (RFC 8259 §8.1).
    return JSON.parse(new TextDecoder().decode(await readBounded(response)));
  } catch (error) {
    if (error instanceof KeyFetchError) throw error;
    if (error instanceof PrivateAddressError)
      throw new KeyFetchError('private_address', 'the key endpoint is within a private network', {
        cause: error,
      });
    if (error instanceof TooLargeError)
      throw new KeyFetchError('too_large', 'the response exceeds 1 MB');
    if (signal.aborted)
      throw new KeyFetchError('timeout', 'the key endpoint did not respond in time', {
        cause: error,
      });
    if (error instanceof SyntaxError)
      throw new KeyFetchError('not_json', 'the response is not JSON');
    throw new KeyFetchError('network', 'the key endpoint cannot be reached', { cause: error });
  }
}

function allowedUrl(text: string, permission: RemoteFetchOptions): URL {
  try {
    return assertRemoteUrl(text, permission);
  } catch (cause) {
    const reason = cause instanceof PrivateAddressError ? 'private_address' : 'url';
    throw new KeyFetchError(reason, 'keys may not be fetched from this URL', { cause });
  }
}
