import { browser, type IdbRequest, type KeyDatabases } from './browser.js';
import { canRepeat } from './can-repeat.js';
import { drop, pause } from './patience.js';

export interface DpopFetchOptions {
  /** Tells the keys of two applications of one origin apart. @defaultValue `'latchkey'` */
  readonly name?: string;
  /** What sends requests. @defaultValue the global `fetch` */
  readonly fetch?: typeof globalThis.fetch;
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/**
 * Creates a `fetch` for `createAuthClient({ fetch })` that binds tokens to a key (DPoP, RFC 9449): each request proves that it comes from this browser, so a
 * stolen token is of no use. The key can't be read by any script. It outlives a reload, and all tabs of the origin have the same one, where there is
 * IndexedDB; else it lives as long as the page, or the program. A nonce that a server demands (section 8) is sent along, and the request once again.
 * @example
 * const client = createAuthClient({ baseUrl: '/api', fetch: createDpopFetch() });
 */
export function createDpopFetch(options: DpopFetchOptions = {}): typeof globalThis.fetch {
  const { name = 'latchkey', fetch = (...request) => browser.fetch(...request) } = options;
  if (!crypto.subtle) throw new TypeError('DPoP needs a page with https');
  let keys: Promise<KeyPair> | undefined;
  /** By origin: each server has its own nonce, and its own clock. Many devices have a wrong one, and proofs hold for seconds. */
  const servers: Record<string, { nonce?: string | undefined; aheadMs: number }> = {};

  return async function fetchWithProof(input, init = {}) {
    const isRequest = input instanceof Request;
    const given = isRequest ? input : { url: input, method: 'GET', headers: undefined };
    const url = new URL(given.url, browser.location?.href);
    const server = (servers[url.origin] ??= { aheadMs: 0 });
    const headers = new Headers(init.headers ?? given.headers);
    const [scheme, token] = (headers.get('Authorization') ?? '').split(' ');
    // The token of a session that began without a key.
    if (scheme === 'Bearer') return fetch(input, init);
    // Once more for the clock, and once for the nonce.
    for (let triesLeft = 2; ; triesLeft -= 1) {
      const claims = {
        jti: crypto.randomUUID(),
        // As it is sent: `fetch()` does the same for all methods but PATCH, which is no method in small letters.
        htm: (init.method ?? given.method).toUpperCase(),
        htu: url.origin + url.pathname,
        iat: Math.floor((Date.now() + server.aheadMs) / 1000),
        ath: token && encodeBytes(await crypto.subtle.digest('SHA-256', bytesOf(token))),
        nonce: server.nonce,
      };
      headers.set('DPoP', await sign(await (keys ??= openKeys(name)), claims));
      const answer = await fetch(input, { ...init, headers });
      server.nonce = answer.headers.get('DPoP-Nonce') ?? server.nonce;
      const challenge = answer.headers.get('WWW-Authenticate') ?? '';
      const isOff = challenge.includes('invalid_dpop_proof');
      // Only here, since an answer out of a cache tells a time that is past.
      if (isOff) server.aheadMs = Date.parse(answer.headers.get('Date') ?? '') - Date.now() || 0;
      const isFlawed = isOff || challenge.includes('use_dpop_nonce');
      if (!isFlawed || !triesLeft || isRequest || !canRepeat(init)) return answer;
      drop(answer);
    }
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
  /** Some private windows leave IndexedDB without an answer. */
  const LONGEST_WAIT_MS = 3000;
  const made = await generateKeys();
  // Without the timer below: a program would not end before it.
  if (!browser.indexedDB) return made;
  // Private windows and sandboxed frames may refuse.
  const kept = keep(browser.indexedDB, made, name).catch(() => {});
  return (await Promise.race([kept, pause(LONGEST_WAIT_MS)])) ?? made;
}

async function keep(factory: KeyDatabases, made: KeyPair, name: string): Promise<KeyPair> {
  const STORE = 'keys';
  const opening = factory.open('latchkey');
  opening.addEventListener('upgradeneeded', () => void opening.result.createObjectStore(STORE));
  const database = await done(opening);
  const store = database.transaction(STORE, 'readwrite').objectStore(STORE);
  // When the transaction is over. An open database can keep a page out of the back/forward cache.
  database.close();
  // One transaction, so that of two tabs the second finds the key of the first.
  const kept = await done(store.get(name));
  if (isKeyPair(kept)) return kept;
  await done(store.put(made, name));
  return made;
}

function isKeyPair(value: unknown): value is KeyPair {
  return 'privateKey' in Object(value);
}

function done<T>(request: IdbRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', reject);
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
