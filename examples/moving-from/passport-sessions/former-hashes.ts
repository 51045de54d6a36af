import { pbkdf2, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import type { PasswordOptions } from 'latchkey';
import { hashPassword } from './users.js';

/** Makes the hash of before again, from the password and the salt as it was stored. */
type Maker = (password: string, salt: string) => Promise<Buffer>;

/** By kind. Keep those that your table has: each costs time at every wrong password. */
const makers: Readonly<Record<string, Maker>> = {
  /** The table of passport's tutorial; its salt is bytes. */
  passport: (password, salt) => hashPassword(password, Buffer.from(salt, 'base64')),
  /** passport-local-mongoose, with the options that it has by default; its salt is text. */
  mongoose: (password, salt) => promisify(pbkdf2)(password, salt, 25_000, 512, 'sha256'),
  /** `hash.salt` in one column: Node's scrypt of 64 bytes, with a salt that is text. */
  scrypt: (password, salt) => promisify<Buffer>((done) => scrypt(password, salt, 64, done))(),
};

/** How a hash of before is kept until its user signs in. */
export function formerHash(kind: string, salt: string, hash: Buffer): string {
  return [kind, Buffer.from(salt).toString('base64url'), hash.toString('base64url')].join('$');
}

/** Compared where an account has no such hash, so that the time tells nothing. Of the kind that most accounts have. */
const NOBODY = formerHash('passport', Buffer.alloc(16).toString('base64'), Buffer.alloc(32));

/** `createAuth({ passwords })` for the imported hashes. Each is replaced at its user's first log-in. */
export const passwords: PasswordOptions = {
  async verifyForeign(hash = NOBODY, password) {
    const [kind = '', salt = '', digest = ''] = hash.split('$');
    const make = Object.hasOwn(makers, kind) ? makers[kind] : undefined;
    if (!make) return undefined;
    const expected = Buffer.from(digest, 'base64url');
    const actual = await make(password, Buffer.from(salt, 'base64url').toString());
    return expected.length === actual.length && timingSafeEqual(actual, expected);
  },
};
