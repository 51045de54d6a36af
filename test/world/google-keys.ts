import { CompactSign } from 'jose';
import { serve } from './serve.js';
import { createTokenSigner } from './token-signer.js';

type Json = Readonly<Record<string, unknown>>;

/** Google's published keys over loopback HTTP, and what its client library hands to pages. */
export interface GoogleKeys {
  readonly clientId: string;
  /** Brings requests for Google's keys here, and rejects all others. */
  readonly fetch: typeof fetch;
  /** Key fetches so far. */
  readonly fetches: number;
  /** Whether the endpoint answers 500. */
  isDown: boolean;
  /** An ID token that Google would sign; `undefined` removes a claim. */
  idToken(claims?: Json, header?: Json): Promise<string>;
  /** The same by a key that Google does not publish, under a name that it does, or does not. */
  forgedIdToken(kid: 'published' | 'unknown'): Promise<string>;
  /** The same without a signature, or signed with a public text. */
  secretlessIdToken(algorithm: 'none' | 'HS256'): Promise<string>;
}

const CERTS = 'https://www.googleapis.com/oauth2/v3/certs';
const CLIENT_ID = '1234567890-abcdef.apps.googleusercontent.com';
const KID = 'google-1';

/** Starts a server that runs until the test that asked for it has finished. */
export async function startGoogleKeys(now: () => number = Date.now): Promise<GoogleKeys> {
  const signer = await createTokenSigner(KID);
  const stranger = await createTokenSigner('stranger');
  let fetches = 0;
  let isDown = false;
  const { origin } = await serve((_request, response) => {
    fetches += 1;
    response
      .writeHead(isDown ? 500 : 200, { 'Content-Type': 'application/json' })
      .end(JSON.stringify({ keys: [signer.jwk] }));
  });

  /** JSON leaves out what is undefined. */
  function claimsOf(claims: Json): Json {
    const iat = Math.floor(now() / 1000);
    return {
      iss: 'https://accounts.google.com',
      azp: CLIENT_ID,
      aud: CLIENT_ID,
      sub: '110169484474386276334',
      email: 'ada@allowed.com',
      email_verified: true,
      hd: 'allowed.com',
      name: 'Ada Lovelace',
      given_name: 'Ada',
      family_name: 'Lovelace',
      picture: 'https://lh3.googleusercontent.com/a/photo=s96-c',
      nbf: iat - 300,
      jti: 'a3d2c7f1e9b84c6f95f0d1e2b3a4c5d6e7f8a9b0',
      iat,
      exp: iat + 3600,
      ...claims,
    };
  }

  return {
    clientId: CLIENT_ID,
    fetch: async (input, init) => {
      const url = input instanceof Request ? input.url : input.toString();
      if (url !== CERTS) throw new TypeError(`${url} is not where Google keeps its keys`);
      return fetch(origin, init);
    },
    get fetches() {
      return fetches;
    },
    get isDown() {
      return isDown;
    },
    set isDown(value) {
      isDown = value;
    },
    idToken: (claims = {}, header = {}) =>
      signer.sign({ header: { typ: 'JWT', ...header }, claims: claimsOf(claims) }),
    async forgedIdToken(kid) {
      const token = await stranger.sign({ header: { typ: 'JWT' }, claims: claimsOf({}) });
      return kid === 'unknown' ? token : renamed(token);
    },
    async secretlessIdToken(algorithm) {
      const payload = JSON.stringify(claimsOf({}));
      if (algorithm === 'none') return `${encode({ alg: 'none' })}.${encodeText(payload)}.`;
      return new CompactSign(Buffer.from(payload))
        .setProtectedHeader({ alg: 'HS256', kid: KID })
        .sign(Buffer.from(CLIENT_ID));
    },
  };
}

/** Says that the token is by Google's key. */
function renamed(token: string): string {
  const rest = token.slice(token.indexOf('.'));
  return `${encode({ alg: 'RS256', typ: 'JWT', kid: KID })}${rest}`;
}

function encode(header: Json): string {
  return encodeText(JSON.stringify(header));
}

function encodeText(text: string): string {
  return Buffer.from(text).toString('base64url');
}
