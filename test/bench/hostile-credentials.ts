import { randomBytes, randomUUID } from 'node:crypto';
import { base64Json } from './tokens.js';

/** Distinct hostile credentials, made from good tokens. */
const families = {
  garbage: (tokens) =>
    tokens.map(({ length }) => randomBytes(length).toString('base64url').slice(0, length)),
  'forged signature': (tokens) => tokens.map((token) => withSignature(token, randomBytes(256))),
  'random kid': (tokens) =>
    tokens.map((token) => withHeader(token, { alg: 'RS256', typ: 'at+jwt', kid: randomUUID() })),
  'alg none': (tokens) => tokens.map((token) => withHeader(token, { alg: 'none', typ: 'at+jwt' })),
  // Just short enough to be looked at. Fewer of the long ones, or the rotation would fill the memory.
  '8 kB': (tokens) => tokens.slice(0, 500).map((token) => token + randomText(8190 - token.length)),
  '64 kB': (tokens) =>
    tokens.slice(0, 64).map((token) => token + randomText(65_000 - token.length)),
} as const satisfies Record<string, (tokens: readonly string[]) => string[]>;

export type HostileFamily = keyof typeof families;
export const hostileFamilies = Object.keys(families) as HostileFamily[];

export function hostileCredentials(family: HostileFamily, tokens: readonly string[]): string[] {
  return families[family](tokens);
}

function withSignature(token: string, signature: Buffer): string {
  return `${token.slice(0, token.lastIndexOf('.'))}.${signature.toString('base64url')}`;
}

function withHeader(token: string, header: Readonly<Record<string, string>>): string {
  return base64Json(header) + token.slice(token.indexOf('.'));
}

function randomText(length: number): string {
  return randomBytes(length).toString('base64url').slice(0, length);
}
