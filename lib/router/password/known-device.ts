import { createHmac, randomBytes } from 'node:crypto';
import type { Request, Response } from 'express';
import { isRecord } from '../../is-record.js';
import { createSealer } from '../../secrets/sealing.js';
import type { RouterParts } from '../parts.js';

/**
 * Decides which attempts count together. A browser that has signed in to an account before has a bucket of its own, so
 * that strangers who use up the account's attempts don't lock its owner out.
 */
export interface KnownDevices {
  /** Returns the bucket of an attempt on a login, which need not exist. */
  bucketOf(req: Request, login: string): Promise<string>;
  /** Marks a browser as one that has signed in to this login. */
  remember(req: Request, res: Response, login: string): Promise<void>;
}

interface Device {
  readonly id: string;
  /** Digests of the logins, the latest first. */
  readonly logins: readonly string[];
}

const LIFE_SECONDS = 365 * 86_400;
/** Enough for a shared browser. */
const MOST_LOGINS = 5;

export function createKnownDevices({ cookies, rootKeys, now }: RouterParts): KnownDevices {
  const sealer = createSealer(rootKeys, 'device', { now });

  const digest = (login: string): string =>
    createHmac('sha256', rootKeys.current.derive('login digest')).update(login).digest('base64url');

  async function deviceOf(req: Request): Promise<Device | undefined> {
    const sealed = cookies.read(req, 'device');
    return sealed === undefined ? undefined : readDevice(await sealer.open(sealed));
  }

  return Object.freeze({
    async bucketOf(req: Request, login: string): Promise<string> {
      const account = digest(login);
      const device = await deviceOf(req);
      return device?.logins.includes(account) ? `${account}:${device.id}` : account;
    },
    async remember(req: Request, res: Response, login: string): Promise<void> {
      // A client that is no browser keeps no cookies, or sends them without the headers that our cross-site check wants.
      if (!isBrowser(req)) return;
      const account = digest(login);
      const { id, logins } = (await deviceOf(req)) ?? newDevice();
      const device: Device = {
        id,
        logins: [...new Set([account, ...logins])].slice(0, MOST_LOGINS),
      };
      const value = await sealer.seal(device, LIFE_SECONDS);
      cookies.set(res, 'device', { value, maxAgeSeconds: LIFE_SECONDS });
    },
  });
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
