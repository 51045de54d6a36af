import { isLoopback } from './is-loopback.js';

const MAX_BYTES = 1_048_576;

export class TooLargeError extends Error {
  override readonly name = 'TooLargeError';
}

/** Throws a TypeError unless we may fetch from this URL: https, or http on loopback where that is allowed. */
export function assertRemoteUrl(text: string, allowLoopbackHttp: boolean): URL {
  if (!URL.canParse(text)) throw new TypeError('what is fetched has an absolute URL');
  const url = new URL(text);
  if (url.username || url.password)
    throw new TypeError('a URL to fetch from must not hold credentials');
  if (url.protocol === 'https:') return url;
  if (url.protocol === 'http:' && allowLoopbackHttp && isLoopback(url)) return url;
  throw new TypeError(
    'what is fetched comes over https only (http on loopback during development)',
  );
}

/** Reads at most 1 MB, counted after decompression so that a small bomb cannot grow large. Rejects with a TooLargeError. */
export async function readBounded(response: Response): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BYTES) throw new TooLargeError('the answer exceeds 1 MB');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
