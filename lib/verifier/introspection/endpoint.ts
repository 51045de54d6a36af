import type { RemoteFetchOptions } from '../../http/bounded-fetch.js';
import { discoverUrl } from '../keys/fetch.js';
import type { IntrospectionPolicy } from './read-introspection.js';

/** Where questions go. */
export interface Endpoint {
  /** The configured URL, or the one of the metadata. Rejects with a KeyFetchError. */
  find(): Promise<string>;
  /** Looks it up again the next time: it may have moved. */
  forget(): void;
}

/** Finds an issuer's endpoint; once for questions at the same time. */
export function createEndpoint(
  issuer: string,
  options: RemoteFetchOptions & { readonly introspection: IntrospectionPolicy },
): Endpoint {
  const { endpoint, timeoutMs } = options.introspection;
  let found: Promise<string> | undefined;

  function forget(): void {
    found = undefined;
  }

  async function discover(): Promise<string> {
    try {
      return await discoverUrl('introspection_endpoint', issuer, { ...options, timeoutMs });
    } catch (error) {
      forget();
      throw error;
    }
  }

  return {
    async find() {
      if (endpoint !== undefined) return endpoint;
      found ??= discover();
      return found;
    },
    forget,
  };
}
