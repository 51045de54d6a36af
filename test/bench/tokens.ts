import {
  createHmac,
  generateKeyPairSync,
  type JsonWebKey,
  type KeyObject,
  randomBytes,
  randomUUID,
  sign,
} from 'node:crypto';

export type BenchAlgorithm = 'RS256' | 'HS256' | 'ES256' | 'EdDSA';

export const ISSUER = 'https://issuer.example';
export const AUDIENCE = 'https://api.example';
export const ORG = 'org-1';

/** Length of an ordinary access token of the big identity providers. */
const TOKEN_LENGTH = 800;

/** Signs tokens of one algorithm with one key. */
export interface Signer {
  readonly algorithm: BenchAlgorithm;
  readonly kid: string;
  /** Set for HS256 only. */
  readonly secret: string | undefined;
  /** Empty for HS256. */
  readonly jwks: { readonly keys: readonly JsonWebKey[] };
  sign(signingInput: string): Promise<Buffer>;
}

export function createSigner(algorithm: BenchAlgorithm, kid = 'key-1'): Signer {
  if (algorithm === 'HS256') {
    const secret = randomBytes(36).toString('base64url');
    const signHmac = async (input: string) => createHmac('sha256', secret).update(input).digest();
    return { algorithm, kid, secret, jwks: { keys: [] }, sign: signHmac };
  }
  const { privateKey, publicKey } = createKeyPair[algorithm]();
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' };
  return {
    algorithm,
    kid,
    secret: undefined,
    jwks: { keys: [jwk] },
    sign: (input) =>
      signOnPool(algorithm === 'EdDSA' ? null : 'sha256', Buffer.from(input), {
        key: privateKey,
        dsaEncoding: 'ieee-p1363',
      }),
  };
}

type SigningKey = { readonly key: KeyObject; readonly dsaEncoding: 'ieee-p1363' };

function signOnPool(digest: string | null, bytes: Buffer, key: SigningKey): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    sign(digest, bytes, key, (error, signature) => (error ? reject(error) : resolve(signature)));
  });
}

const createKeyPair = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
} as const;

export interface MintOptions {
  /** Pads the header, instead of the payload, to the usual length. */
  readonly padHeader?: boolean;
}

/** Mints distinct tokens of about 800 bytes each. Signatures are made on the thread pool, a few at a time. */
export async function mint(
  signer: Signer,
  count: number,
  options: MintOptions = {},
): Promise<string[]> {
  const tokens: string[] = [];
  while (tokens.length < count) {
    const batch = Math.min(64, count - tokens.length);
    tokens.push(
      ...(await Promise.all(Array.from({ length: batch }, () => mintOne(signer, options)))),
    );
  }
  return tokens;
}

const SIGNATURE_LENGTH = { RS256: 342, HS256: 43, ES256: 86, EdDSA: 86 } as const;

async function mintOne(signer: Signer, { padHeader = false }: MintOptions): Promise<string> {
  const { algorithm, kid } = signer;
  const header = { alg: algorithm, typ: 'at+jwt', kid };
  const claims = claimsOf(randomUUID());
  const missing =
    TOKEN_LENGTH -
    2 -
    SIGNATURE_LENGTH[algorithm] -
    base64Json(header).length -
    base64Json(claims).length;
  const padding = 'x'.repeat(Math.max(0, Math.floor((missing * 3) / 4) - ',"note":""'.length));
  const signingInput = padHeader
    ? `${base64Json({ ...header, note: padding })}.${base64Json(claims)}`
    : `${base64Json(header)}.${base64Json({ ...claims, note: padding })}`;
  const signature = await signer.sign(signingInput);
  return `${signingInput}.${signature.toString('base64url')}`;
}

function claimsOf(id: string) {
  const issuedAt = Math.floor(Date.now() / 1000);
  return {
    iss: ISSUER,
    aud: AUDIENCE,
    sub: id,
    client_id: 'web',
    scope: 'openid reports:read',
    orgs: [ORG],
    iat: issuedAt,
    exp: issuedAt + 3600,
    jti: id.slice(0, 18),
    sid: id.slice(18),
  };
}

export function base64Json(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
