/** A login has so many characters at most (RFC 5321 §4.5.3.1.3 gives an address as many). */
const MAX_LENGTH = 254;

/**
 * The one spelling of a user name or e-mail address that is kept and compared: NFKC, trimmed, lower case.
 * Undefined for whatever can be neither. Normalises before it judges, so that no look-alike slips through.
 */
export function normaliseLogin(input: unknown): string | undefined {
  if (typeof input !== 'string' || input.length > 4 * MAX_LENGTH) return undefined;
  const login = fold(input.trim());
  if (login.length > MAX_LENGTH) return undefined;
  return isEmail(login) ? readEmail(login) : readUsername(login);
}

/** Answers whether a normalised login is an e-mail address: user names have no `@`. */
export function isEmail(login: string): boolean {
  return login.includes('@');
}

/** Lower case can undo NFKC and NFKC lower case, so both until nothing changes. */
function fold(text: string): string {
  let folded = text;
  for (let round = 0; round < 4; round += 1) {
    const next = folded.normalize('NFKC').toLowerCase().trim();
    if (next === folded) break;
    folded = next;
  }
  return folded;
}

const LOCAL_PART = /^[\p{L}\p{M}\p{N}!#$&'*+\-/=?^_`{'*+\-/=?^_`{|}~.%]{1,64}$/u;
const DOMAIN =
  /^(?=.{1,253}$)[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?(?:\.[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?)*$/u;

function readEmail(login: string): string | undefined {
  const [local = '', domain = '', ...more] = login.split('@');
  // `%` and `!` once routed mail to a second host; nobody's address has them any more.
  const isPlain = LOCAL_PART.test(local) && !/[%!]/.test(local);
  return more.length === 0 && isPlain && DOMAIN.test(domain) ? login : undefined;
}

function readUsername(login: string): string | undefined {
  return /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._+-]*$/u.test(login) ? login : undefined;
}
