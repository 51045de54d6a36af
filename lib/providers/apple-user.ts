import { isRecord } from '../is-record.js';

/** Claims of OpenID Connect Core §5.1, made from what Apple sends in a field of its form. */
export interface AppleName {
  readonly name?: string;
  readonly given_name?: string;
  readonly family_name?: string;
}

/** UTF-16 code units. A display name, not a text. */
const MAX_LENGTH = 100;

/**
 * Reads the name in `user`, the JSON that comes beside the code at the first sign-in and never again
 * (https://developer.apple.com/documentation/signinwithapplerestapi/request-an-authorization-to-the-sign-in-with-apple-server.).
 * It has passed through the browser, unsigned: text for display that proves nothing. The address in it is not read; the ID token has the one
 * that Apple vouches for. `{}` for anything unexpected.
 */
export function readAppleName(user: string | null): AppleName {
  const name = membersOf(user);
  const given = displayText(name['firstName']);
  const family = displayText(name['lastName']);
  if (given === '' && family === '') return {};
  return {
    name: `${given} ${family}`.trim(),
    ...(given !== '' && { given_name: given }),
    ...(family !== '' && { family_name: family }),
  };
}

/** Leaves nothing in `user` but the name: the rest has no business in the address of our own callback. Undefined without one. */
export function reduceAppleUser(user: string): string | undefined {
  const { given_name: firstName = '', family_name: lastName = '' } = readAppleName(user);
  if (firstName === '' && lastName === '') return undefined;
  return JSON.stringify({ name: { firstName, lastName } });
}

function membersOf(user: string | null): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(user ?? '{}');
    return isRecord(parsed) && isRecord(parsed['name']) ? parsed['name'] : {};
  } catch {
    return {};
  }
}

/** Without control characters, halves of surrogate pairs, and those that turn the direction of what follows. */
function displayText(value: unknown): string {
  if (typeof value !== 'string') return '';
  const visible = value.replace(/[\p{Cc}\u{202A}-\u{202E}\u{2066}-\u{2069}]/gu, '');
  return visible
    .slice(0, MAX_LENGTH)
    .replace(/\p{Cs}/gu, '')
    .trim();
}
