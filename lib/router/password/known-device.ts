import { createHmac, randomBytes } from 'node:crypto';
import type { Request, Response } from 'express';
import { isRecord } from '../../is-record.js';
import { createSealer } from '../../secrets/sealing.js';
import type { StoredUser } from '../../stores/store.js';
import type { RouterParts } from '../parts.js';

/**
 * Decides which attempts count together. A device that has signed in to an account before has a count of its own, so that
 * strangers who use up the account's attempts don't lock its owner out. A browser shows that by a cookie, any other client by
 * the `device_token` of its last token response. A count by address would not do: phones change theirs, and the strangers may
 * have the owner's.
 */
export interface KnownDevices {
  /** Returns the counts of an attempt on a login, which need not exist. */
  countsOf(req: Request, login: string, deviceToken?: string): Promise<AttemptCounts>;
  /** Marks a device as one that has signed in as this user: by a cookie, or by a token for the response. */
  remember(req: Request, res: Response, user: StoredUser): Promise<void>;
}

/** Keys of counts. None can be read. */
export interface AttemptCounts {
  readonly ofLogin: string;
  /** The count that all names of an account share. */
  ofAccount(user: StoredUser): string;
}

interface Device {
  readonly id: string;
  /** Digests of the logins, the latest first. */
  readonly logins: readonly string[];
}

const LIFE_SECONDS = 365 * 86_400;
/** Enough for a shared browser: five users with two names each. */
const MOST_LOGINS = 10;
/** More than a token of that many logins has. */
export const MAX_DEVICE_TOKEN = 2048;

export function createKnownDevices({ cookies, rootKeys, now }: RouterParts): KnownDevices {
  const sealer = createSealer(rootKeys, 'device', { now });

  const digest = (text: string): string =>
    createHmac('sha256', rootKeys.current.derive('login digest')).update(text).digest('base64url');

  async function deviceOf(req: Request, deviceToken?: string): Promise<Device | undefined> {
    const sealed = deviceToken ?? cookies.read(req, 'device');
    return sealed === undefined ? undefined : readDevice(await sealer.open(sealed));
  }

  return Object.freeze({
    async countsOf(req: Request, login: string, deviceToken?: string): Promise<AttemptCounts> {
      const name = digest(login);
      const device = await deviceOf(req, deviceToken);
      const own = device?.logins.includes(name) ? `:${device.id}` : '';
      return {
        ofLogin: `${name}${own}`,
        // No login has a space.
        ofAccount: (user) => `${digest(`id ${user.id}`)}${own}`,
      };
    },
    async remember(req: Request, res: Response, user: StoredUser): Promise<void> {
      const names = loginsOf(user).map(digest);
      const { id, logins } = (await deviceOf(req)) ?? newDevice();
      const device: Device = {
        id,
        logins: [...new Set([...names, ...logins])].slice(0, MOST_LOGINS),
      };
      const value = await sealer.seal(device, LIFE_SECONDS);
      // A client that is no browser keeps no cookies, or sends them without the headers that our cross-site check wants.
      if (isBrowser(req)) cookies.set(res, 'device', { value, maxAgeSeconds: LIFE_SECONDS });
      else deviceTokens.set(res, value);
    },
  });
}

const deviceTokens = new WeakMap<Response, string>();

/** The token that `remember` has made for a response. */
export function deviceTokenOf(res: Response): string | undefined {
  return deviceTokens.get(res);
}

/** The names that a user signs in with. */
export function loginsOf({ username, email }: StoredUser): readonly string[] {
  return [username, email].filter((login) => login !== undefined);
}

function newDevice(): Device {
  return { id: randomBytes(9).toString('base64url'), logins: [] };
}

function readDevice(value: unknown): Device | undefined {
  if (!isRecord(value)) return undefined;
  const { id, logins } = value;
  if (typeof id !== 'string' || !Array.isArray(logins)) return undefined;
  return { id, logins: logins.filter((login) => typeof login === 'string') };
}

function isBrowser({ headers }: Request): boolean {
  return headers['sec-fetch-site'] !== undefined || headers.origin !== undefined;
}
