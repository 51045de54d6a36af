import {
  assertRemoteUrl,
  type HttpPermission,
  readBounded,
  TooLargeError,
} from '../../http/bounded-fetch.js';
import { isRecord } from '../../is-record.js';

const MAX_KEYS = 100;

/** Why a key set could not be had, in one word: for events and logs. */
export type KeyFetchReason =
  | 'network'
  | 'timeout'
  | 'status'
  | 'too_large'
  | 'not_json'
  | 'no_usable_key'
  | 'issuer_mismatch'
  | 'url';

export class KeyFetchError extends Error {
  override readonly name = 'KeyFetchError';
  readonly reason: KeyFetchReason;

  constructor(reason: KeyFetchReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

export interface KeyFetchOptions extends HttpPermission {
  readonly fetch: typeof fetch;
  readonly timeoutMs: number;
}

/** Finds `jwks_uri` in the issuer's metadata, whose `issuer` must be the very same text (RFC 8414 §3.3). */
export async function discoverJwksUri(issuer: string, options: KeyFetchOptions): Promise<string> {
  // Entra publishes one document for all tenants; its `issuer` is the template itself.
  const base = issuer.replace('{tenantid}', 'common').replace(/\/$/, '');
  const metadata = await fetchJson(`${base}/.well-known/openid-configuration`, options);
  if (!isRecord(metadata) || metadata['issuer'] !== issuer)
    throw new KeyFetchError('issuer_mismatch', 'the metadata is of another issuer');
  const jwksUri = metadata['jwks_uri'];
  if (typeof jwksUri !== 'string') throw new KeyFetchError('url', 'the metadata has no jwks_uri');
  return jwksUri;
}

/** Fetches a JWK Set. Answers its members as they came; judging them is somebody else's work. */
export async function fetchJwks(
  url: string,
  options: KeyFetchOptions,
): Promise<readonly unknown[]> {
  const set = await fetchJson(url, options);
  if (!isRecord(set) || !Array.isArray(set['keys']))
    throw new KeyFetchError('not_json', 'the answer is no JWK Set');
  if (set['keys'].length > MAX_KEYS)
    throw new KeyFetchError('too_large', `the JWK Set has more than ${MAX_KEYS} keys`);
  return set['keys'];
}

async function fetchJson(text: string, options: KeyFetchOptions): Promise<unknown> {
  const url = allowedUrl(text, options);
  const signal = AbortSignal.timeout(options.timeoutMs);
  try {
    const response = await options.fetch(url, {
      // A redirect could lead into our own network, or to plain http.
      redirect: 'manual',
      signal,
      headers: { Accept: 'application/json' },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new KeyFetchError('status', `the key endpoint answered ${response.status}`);
    }
    return JSON.parse((await readBounded(response)).toString('utf8'));
  } catch (error) {
    if (error instanceof KeyFetchError) throw error;
    if (error instanceof TooLargeError)
      throw new KeyFetchError('too_large', 'the answer exceeds 1 MB');
    if (signal.aborted)
      throw new KeyFetchError('timeout', 'the key endpoint did not answer in time', {
        cause: error,
      });
    if (error instanceof SyntaxError) throw new KeyFetchError('not_json', 'the answer is no JSON');
    throw new KeyFetchError('network', 'the key endpoint cannot be reached', { cause: error });
  }
}

function allowedUrl(text: string, permission: HttpPermission): URL {
  try {
    return assertRemoteUrl(text, permission);
  } catch (cause) {
    throw new KeyFetchError('url', 'keys may not be fetched from this URL', { cause });
  }
}
