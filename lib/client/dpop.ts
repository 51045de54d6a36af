import { browser, type IdbRequest } from './browser.js';
import { canRepeat } from './can-repeat.js';

export interface DpopFetchOptions {
  /** Tells the keys of two applications of one origin apart. @defaultValue `'latchkey'` */
  readonly name?: string;
  /** What sends requests. @defaultValue the global `fetch` */
  readonly fetch?: typeof globalThis.fetch;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const STORE = 'keys';

/**
 * Creates a `fetch` for `createAuthClient({ fetch })` that binds tokens to a key (DPoP, RFC 9449): each request proves that it comes from this browser, so a
 * stolen token is of no use. The key can't be read by any script. It outlives a reload, and all tabs of the origin have the same one, where there is
 * IndexedDB; else it lives as long as the page, or the program. A nonce that a server demands (section 8) is sent along, and the request once again.
 * @example
 * const client = createAuthClient({ baseUrl: '/api', fetch: createDpopFetch() });
 */
export function createDpopFetch(options: DpopFetchOptions = {}): typeof globalThis.fetch {
  const { name = 'latchkey', fetch = (...request) => browser.fetch(...request) } = options;
  let keys: Promise<KeyPair> | undefined;
  /** By origin: each server has its own. */
  const nonces = new Map<string, string>();

  return async function fetchWithProof(input, init = {}) {
    const isRequest = input instanceof Request;
    const url = new URL(isRequest ? input.url : input, browser.location?.href);
    const headers = new Headers(init.headers ?? (isRequest ? input.headers : undefined));
    const [scheme, token] = (headers.get('Authorization') ?? '').split(' ');
    // The token of a session that began without a key.
    if (scheme === 'Bearer') return fetch(input, init);
    const send = async (): Promise<Response> => {
      const claims = {
        jti: encodeBytes(crypto.getRandomValues(new Uint8Array(16))),
        htm: init.method ?? (isRequest ? input.method : 'GET'),
        htu: url.origin + url.pathname,
        iat: Math.floor(Date.now() / 1000),
        ath: token && encodeBytes(await crypto.subtle.digest('SHA-256', bytesOf(token))),
        nonce: nonces.get(url.origin),
      };
      headers.set('DPoP', await sign(await (keys ??= openKeys(name)), claims));
      const answer = await fetch(input, { ...init, headers });
      const nonce = answer.headers.get('DPoP-Nonce');
      if (nonce !== null) nonces.set(url.origin, nonce);
      return answer;
    };
    const answer = await send();
    const isDemanded = answer.headers.get('WWW-Authenticate')?.includes('use_dpop_nonce');
    if (!isDemanded || isRequest || !canRepeat(init)) return answer;
    await answer.body?.cancel();
    return send();
  };
}

async function sign({ privateKey, publicKey }: KeyPair, claims: object): Promise<string> {
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  const head = encode({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } });
  const signed = `${head}.${encode(claims)}`;
  const signature = await crypto.subtle.sign(ALGORITHM, privateKey, bytesOf(signed));
  return `${signed}.${encodeBytes(signature)}`;
}

type KeyPair = Awaited<ReturnType<typeof generateKeys>>;

const generateKeys = () => crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);

/** The key of this origin, made once: all tabs have the same, also after a reload. Where nothing can be stored, one for this page. */
async function openKeys(name: string): Promise<KeyPair> {
  const made = await generateKeys();
  try {
    const opening = browser.indexedDB?.open('latchkey');
    if (!opening) return made;
    opening.addEventListener('upgradeneeded', () => void opening.result.createObjectStore(STORE));
    const store = (await done(opening)).transaction(STORE, 'readwrite').objectStore(STORE);
    // One transaction, so that of two tabs the second finds the key of the first.
    const kept = await done(store.get(name));
    if (isKeyPair(kept)) return kept;
    await done(store.put(made, name));
  } catch {
    // Private windows and sandboxed frames may refuse.
  }
  return made;
}

function isKeyPair(value: unknown): value is KeyPair {
  return typeof value === 'object' && value !== null && 'privateKey' in value;
}

function done<T>(request: IdbRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(new Error('IndexedDB')));
  });
}

const bytesOf = (text: string) => new TextEncoder().encode(text);
const encode = (value: unknown) => encodeBytes(bytesOf(JSON.stringify(value)));

function encodeBytes(bytes: ArrayBuffer | Uint8Array): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
