import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { Readable } from 'node:stream';
import { definedOnly } from '../known-options.js';
import { addressIn, isPrivateAddress } from './private-addresses.js';

/** Finds the addresses of a host, as `dns.lookup` does with `all: true`. */
export type Lookup = (
  hostname: string,
  options: { readonly all: true },
  callback: (error: Error | null, addresses: LookupAddress[]) => void,
) => void;

interface PublicFetchOptions {
  /** @defaultValue the system's */
  readonly lookup?: Lookup | undefined;
  /** Judges an address. @defaultValue {@link isPrivateAddress} */
  readonly isRefused?: (address: string) => boolean;
}

/** A host that somebody else named has an address within a network that is not public. */
export class PrivateAddressError extends TypeError {
  override readonly name = 'PrivateAddressError';
}

/**
 * A fetch that connects to public addresses only. The addresses that are judged are those that the connection is made to, so that a
 * name can't lead elsewhere a moment later (DNS rebinding). Node's own `fetch` has no such hook that needs no package. Follows no
 * redirect, and takes no compressed body. Of the response's headers only `content-type`, `date` and `location` are kept.
 */
export function createPublicFetch({
  lookup = systemLookup,
  isRefused = isPrivateAddress,
}: PublicFetchOptions = {}): (url: URL, init?: RequestInit) => Promise<Response> {
  const guardedLookup: LookupFunction = (hostname, { all }, callback) => {
    lookup(hostname, { all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error || !first) callback(error ?? new Error('the host has no address'), []);
      // One of several is enough: which of them is tried is up to the network.
      else if (addresses.some(({ address }) => isRefused(address))) callback(refusal(), []);
      else if (all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };

  return async function publicFetch(url, init = {}) {
    const address = addressIn(url.hostname);
    // An address needs no lookup.
    if (address !== undefined && isRefused(address)) throw refusal();
    const { signal = null } = init;
    signal?.throwIfAborted();
    // Makes headers and body of whatever `fetch` takes.
    const asked = new Request(url, { ...init, signal: null });
    const body = Buffer.from(await asked.arrayBuffer());
    const request = url.protocol === 'https:' ? requestHttps : requestHttp;
    const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
      request(url, {
        method: asked.method,
        headers: {
          ...Object.fromEntries(asked.headers),
          'accept-encoding': 'identity',
          ...(body.length > 0 && { 'content-length': body.length }),
        },
        lookup: guardedLookup,
        // A connection of its own, which no other request has made and no proxy of the environment takes.
        agent: false,
        ...(signal && { signal }),
      })
        .once('response', resolve)
        .once('error', reject)
        .end(body);
    });
    return responseOf(incoming);
  };
}

function refusal(): PrivateAddressError {
  return new PrivateAddressError(
    'the host has a private, loopback or link-local address; if it is yours, name it in AUTH_INTERNAL_HOSTS',
  );
}

/** RFC 9110 §6.4.1 */
const WITHOUT_BODY: readonly number[] = [204, 205, 304];

function responseOf(incoming: IncomingMessage): Response {
  const { statusCode: status = 0, headers } = incoming;
  const encoding = headers['content-encoding'] ?? 'identity';
  if (status < 200 || status > 599 || encoding !== 'identity') {
    incoming.destroy();
    throw new TypeError('the answer has a status or an encoding that was not asked for');
  }
  const isEmpty = WITHOUT_BODY.includes(status);
  if (isEmpty) incoming.resume();
  const body = isEmpty ? null : Readable.toWeb(incoming);
  return new Response(body, {
    status,
    headers: {
      'content-type': headers['content-type'] ?? '',
      ...definedOnly({ date: headers.date, location: headers.location }),
    },
  });
}
