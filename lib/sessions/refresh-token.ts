import { createHmac, timingSafeEqual } from 'node:crypto';
import type { RootKeys } from '../secrets/derived-keys.js';
import type { Session } from '../stores/store.js';

/** The parts of a refresh token. Parsed, not verified. */
export interface RefreshTokenParts {
  readonly kid: string;
  readonly sessionId: string;
  readonly generation: number;
  readonly mac: string;
}

/** `r1.<kid>.<sid>.<generation>.<mac>`. One spelling only: the MAC is compared as text. */
const SHAPE = /^r1\.([\w-]{8})\.([\w-]{22})\.(0|[1-9]\d{0,8})\.([\w-]{43})$/;

/** Parses a refresh token; undefined for anything of another shape. Does not verify it: see {@link isGenuine}. */
export function parseRefreshToken(token: unknown): RefreshTokenParts | undefined {
  const [, kid, sessionId, generation, mac] =
    typeof token === 'string' ? (SHAPE.exec(token) ?? []) : [];
  if (kid === undefined || sessionId === undefined || mac === undefined) return undefined;
  return { kid, sessionId, generation: Number(generation), mac };
}

type MacInput = Pick<Session, 'id' | 'kid' | 'salt' | 'generation'>;

/** Computes the current refresh token of a session. Undefined when its key is not among `keys`. */
export function refreshTokenOf(session: MacInput, keys: RootKeys): string | undefined {
  const mac = macOf(session, keys);
  return mac && `r1.${session.kid}.${session.id}.${session.generation}.${mac}`;
}

/** Checks the MAC: whether the token was made here for this session, in any generation. */
export function isGenuine(token: RefreshTokenParts, session: Session, keys: RootKeys): boolean {
  const { kid, generation } = token;
  const mac = macOf({ id: session.id, salt: session.salt, kid, generation }, keys);
  return mac !== undefined && timingSafeEqual(Buffer.from(mac), Buffer.from(token.mac));
}

function macOf({ id, kid, salt, generation }: MacInput, keys: RootKeys): string | undefined {
  const key = keys.find(kid)?.derive('refresh token');
  // None of the parts can hold the separator: they are base64url and digits.
  return (
    key && createHmac('sha256', key).update(`rt|${id}|${generation}|${salt}`).digest('base64url')
  );
}
