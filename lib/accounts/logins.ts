/** RFC 5321 §4.5.3.1.3: the longest address. */
const MAX_LENGTH = 254;

/**
 * Returns the spelling in which a user name or e-mail address is stored and compared: NFKC, trimmed, lower case.
 * Undefined for input that can be neither. Normalises before it validates, so that no compatibility character slips
 * through.
 */
export function normaliseLogin(input: unknown): string | undefined {
  if (typeof input !== 'string' || input.length > 4 * MAX_LENGTH) return undefined;
  const login = fold(input.trim());
  if (login.length > MAX_LENGTH) return undefined;
  return isEmail(login) ? readEmail(login) : readUsername(login);
}

/** Tells whether a normalised login is an e-mail address. User names have no `@`. */
export function isEmail(login: string): boolean {
  return login.includes('@');
}

/** Repeats both steps until nothing changes, because each can undo the other. */
function fold(text: string): string {
  let folded = text;
  for (let round = 0; round < 4; round += 1) {
    const next = folded.normalize('NFKC').toLowerCase().trim();
    if (next === folded) break;
    folded = next;
  }
  return folded;
}

/**
 * RFC 5322 §3.2.3 (atext and dots) and RFC 6531 §3.3 (letters of any script), without `%` and `!`: they once routed mail
 * through a second host.
 */
const LOCAL_PART = /^[\p{L}\p{M}\p{N}#$&'*+\-/=?^_`{|}~.]{1,64}$/u;
const LABEL = '[\\p{L}\\p{N}](?:[\\p{L}\\p{M}\\p{N}-]*[\\p{L}\\p{M}\\p{N}])?';
const DOMAIN = new RegExp(`^(?=.{1,253}$)${LABEL}(?:\\.${LABEL})*$`, 'u');

function readEmail(login: string): string | undefined {
  const [local = '', domain = '', ...more] = login.split('@');
  const isAddress = more.length === 0 && LOCAL_PART.test(local) && DOMAIN.test(domain);
  return isAddress ? login : undefined;
}

function readUsername(login: string): string | undefined {
  return /^[\p{L}\p{N}][\p{L}\p{M}\p{N}._+-]*$/u.test(login) ? login : undefined;
}
