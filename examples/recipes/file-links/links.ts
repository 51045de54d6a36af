import { randomUUID } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import type { Principal, Store } from 'latchkey';

/** Whose link it is. An id is unique within its issuer only. */
export type Reader = Pick<Principal, 'issuer' | 'subject'>;

/** A link is for one file and one user, and may be given on: it is as good as a token, for this file and a short time. */
export interface Link {
  readonly fileId: string;
  readonly reader: Reader;
}

/** Why a link opens nothing. */
export class LinkError extends Error {
  override readonly name = 'LinkError';
  readonly reason: 'expired' | 'used' | 'invalid';

  constructor(reason: LinkError['reason']) {
    super(`the link is ${reason}`);
    this.reason = reason;
  }
}

export interface LinkOptions {
  /** At least 32 random bytes that sign nothing else; the same on every instance. */
  readonly secret: Uint8Array;
  /** Seconds until a download must have begun; one that has begun goes on. @defaultValue `60` */
  readonly ttlSeconds?: number;
  /** Links that work once: no pause and resume, no seeking in a video. @defaultValue links work until they expire */
  readonly oneTime?: Pick<Store, 'once'>;
  readonly now?: () => number;
}

// By these two no link is ever taken for an access token, nor an access token for a link.
const TYPE = 'file-link+jwt';
const AUDIENCE = 'file-links';

export function createLinks({ secret, ttlSeconds = 60, oneTime, now = Date.now }: LinkOptions) {
  if (secret.length < 32) throw new TypeError('links need a secret of at least 32 bytes');

  return {
    ttlSeconds,
    make({ fileId, reader }: Link): Promise<string> {
      return new SignJWT({ file: fileId, user_issuer: reader.issuer })
        .setProtectedHeader({ alg: 'HS256', typ: TYPE })
        .setAudience(AUDIENCE)
        .setSubject(reader.subject)
        .setJti(randomUUID())
        .setExpirationTime(Math.floor(now() / 1000) + ttlSeconds)
        .sign(secret);
    },

    /** Returns whose link it is. Rejects with LinkError, also for a link to another file. */
    async read(link: unknown, fileId: string): Promise<Link & { readonly id: string }> {
      const { sub, user_issuer: issuer, jti, file } = await verify(link, { secret, now });
      if (typeof issuer !== 'string' || sub === undefined || jti === undefined || file !== fileId)
        throw new LinkError('invalid');
      return { fileId, reader: { issuer, subject: sub }, id: jti };
    },

    /** For the request that starts the download. Rejects with LinkError the second time. */
    async spend({ id }: { readonly id: string }): Promise<void> {
      if (!oneTime) return;
      const life = { now: now(), expiresAt: now() + (ttlSeconds + 5) * 1000 };
      if (!(await oneTime.once.add(`file-link:${id}`, '', life))) throw new LinkError('used');
    },
  };
}

export type Links = ReturnType<typeof createLinks>;

async function verify(
  link: unknown,
  { secret, now }: { readonly secret: Uint8Array; readonly now: () => number },
) {
  if (typeof link !== 'string') throw new LinkError('invalid');
  try {
    const { payload } = await jwtVerify(link, secret, {
      algorithms: ['HS256'],
      typ: TYPE,
      audience: AUDIENCE,
      requiredClaims: ['exp'],
      currentDate: new Date(now()),
    });
    return payload;
  } catch (error) {
    throw new LinkError(error instanceof errors.JWTExpired ? 'expired' : 'invalid');
  }
}
