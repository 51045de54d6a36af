import type { JsonObject, Minter } from '../minter.js';
import type { ForgedToken } from './forged-token.js';

// Beyond every clock tolerance that a policy may allow (0 to 300 s).
const PAST_TOLERANCE_SECONDS = 301;
const HOUR_SECONDS = 3600;

type Flaw = readonly [title: string, claims: JsonObject];

/** D1: `iss` missing, or nearly right. */
export function issuers(minter: Minter): readonly ForgedToken[] {
  const { issuer } = minter;
  const { protocol, host, pathname, hostname } = new URL(issuer);
  const path = pathname === '/' ? '' : pathname;
  const flaws: readonly Flaw[] = [
    ['missing', { iss: undefined }],
    ['null', { iss: null }],
    ['empty', { iss: '' }],
    ['a number', { iss: 1 }],
    ['a list with the right one', { iss: [issuer] }],
    ['an object with the right one', { iss: { [issuer]: issuer } }],
    ['cut short', { iss: issuer.slice(0, -1) }],
    ['the right one and more', { iss: `${issuer}.evil.test` }],
    ['the right one and a path', { iss: `${issuer}/x` }],
    ['with the slash changed', { iss: toggleSlash(issuer) }],
    ['in capitals', { iss: issuer.toUpperCase() }],
    ['with user information', { iss: `${protocol}//user@${host}${path}` }],
    ['the user information of another host', { iss: `${protocol}//${host}@evil.test${path}` }],
    ['with another port', { iss: `${protocol}//${hostname}:443${path}` }],
    ['with a query', { iss: `${issuer}?` }],
    ['with a fragment', { iss: `${issuer}#` }],
    ['after a space', { iss: ` ${issuer}` }],
    ['before a NUL', { iss: `${issuer}\0` }],
    ['another', { iss: 'https://evil.test' }],
    ['__proto__', { iss: '__proto__' }],
  ];
  return flawed(
    minter,
    'D1 iss',
    flaws.filter(([, { iss }]) => iss !== issuer),
  );
}

/** D2: `aud` missing, not ours, or not a string or list of strings (RFC 7519 §4.1.3). */
export function audiences(minter: Minter): readonly ForgedToken[] {
  const { audience } = minter;
  return flawed(minter, 'D2 aud', [
    ['missing', { aud: undefined }],
    ['null', { aud: null }],
    ['empty', { aud: '' }],
    ['a number', { aud: 1 }],
    ['an object', { aud: { 0: audience, length: 1 } }],
    ['an empty list', { aud: [] }],
    ['a list without ours', { aud: ['https://other.test', 'https://another.test'] }],
    ['a list of ours and a number', { aud: [audience, 1] }],
    ['a list in a list', { aud: [[audience]] }],
    ['another', { aud: 'https://other.test' }],
    ['cut short', { aud: audience.slice(0, -1) }],
    ['ours and more', { aud: `${audience}.evil.test` }],
    ['ours within a text', { aud: `https://other.test ${audience}` }],
    ['with the slash changed', { aud: toggleSlash(audience) }],
    ['in capitals', { aud: audience.toUpperCase() }],
    ['true', { aud: true }],
  ]);
}

/** D3: `exp` missing, past, not a number, or no time in seconds. */
export function expiries(minter: Minter): readonly ForgedToken[] {
  const now = minter.nowSeconds();
  const infinite = JSON.stringify(minter.claims({ exp: undefined })).replace(/}$/, ',"exp":1e400}');
  return [
    ...flawed(minter, 'D3 exp', [
      ['an hour ago', { exp: now - HOUR_SECONDS, iat: now - 2 * HOUR_SECONDS }],
      ['just past every tolerance', { exp: now - PAST_TOLERANCE_SECONDS, iat: now - HOUR_SECONDS }],
      ['missing', { exp: undefined }],
      ['null', { exp: null }],
      ['a string', { exp: String(now + HOUR_SECONDS) }],
      ['a date', { exp: new Date((now + HOUR_SECONDS) * 1000).toISOString() }],
      ['"NaN"', { exp: 'NaN' }],
      ['"Infinity"', { exp: 'Infinity' }],
      ['negative', { exp: -1 }],
      ['0', { exp: 0 }],
      ['true', { exp: true }],
      ['a list', { exp: [now + HOUR_SECONDS] }],
      ['an object', { exp: { value: now + HOUR_SECONDS } }],
      ['in milliseconds', { exp: (now + HOUR_SECONDS) * 1000 }],
    ]),
    { title: 'D3 exp 1e400', token: minter.signed(minter.header(), infinite) },
  ];
}

/** D4: not valid yet, or issued in the future. */
export function times(minter: Minter): readonly ForgedToken[] {
  const now = minter.nowSeconds();
  const later = now + HOUR_SECONDS;
  const far = { exp: later + HOUR_SECONDS };
  return flawed(minter, 'D4', [
    ['nbf in an hour', { ...far, nbf: later }],
    ['nbf in milliseconds', { nbf: now * 1000 }],
    ['nbf a string', { nbf: String(now) }],
    ['nbf a date', { nbf: new Date(now * 1000).toISOString() }],
    ['nbf a list', { nbf: [now] }],
    ['iat in an hour', { ...far, iat: later }],
    ['iat in milliseconds', { iat: now * 1000 }],
    ['iat a string', { iat: String(now) }],
    ['iat an object', { iat: {} }],
  ]);
}

/** D5: claims and header members under nearly the right name (RFC 7519 §4: names are case-sensitive). */
export function claimCase(minter: Minter): readonly ForgedToken[] {
  const { iss, aud, exp, sub } = minter.claims();
  const noSubject = withoutSubject(minter);
  const proto = (claims: JsonObject) => Object.fromEntries([['__proto__', claims]]);
  return [
    ...flawed(minter, 'D5', [
      ['AUD instead of aud', { aud: undefined, AUD: aud }],
      ['Aud beside a wrong aud', { aud: 'https://other.test', Aud: aud }],
      ['Iss instead of iss', { iss: undefined, Iss: iss }],
      ['EXP instead of exp', { exp: undefined, EXP: exp }],
      ['Sub instead of sub', { ...noSubject, Sub: sub }],
      ['aud behind a space', { aud: undefined, 'aud ': aud }],
      ['aud only inside __proto__', { aud: undefined, ...proto({ aud }) }],
      ['exp only inside __proto__', { exp: undefined, ...proto({ exp }) }],
    ]),
    {
      title: 'D5 ALG instead of alg',
      token: minter.token({}, { alg: undefined, ALG: minter.algorithm }),
    },
  ];
}

/** The profile `jwt` takes a token without `sub` for its client's own, where it names one. */
function withoutSubject({ profile }: Minter): JsonObject {
  return profile === 'jwt' ? { sub: undefined, client_id: undefined } : { sub: undefined };
}

/** D9: `sub` missing, empty or no string. */
export function subjects(minter: Minter): readonly ForgedToken[] {
  return flawed(minter, 'D9 sub', [
    ['missing', withoutSubject(minter)],
    ['empty', { sub: '' }],
    ['null', { sub: null }],
    ['a number', { sub: 1 }],
    ['true', { sub: true }],
    ['a list', { sub: ['user-1'] }],
    ['an object', { sub: { id: 'user-1' } }],
  ]);
}

/** Claims that only the profile of RFC 9068 (§2.2) demands. Empty for the profile `jwt`. */
export function missingClaims(minter: Minter): readonly ForgedToken[] {
  if (minter.profile === 'jwt') return [];
  return flawed(minter, 'D4 RFC 9068', [
    ['iat missing', { iat: undefined }],
    ['jti missing', { jti: undefined }],
    ['client_id missing', { client_id: undefined }],
  ]);
}

/** H7: bound to a key or certificate (RFC 7800), presented as a bearer token. */
export function senderConstrained(minter: Minter): readonly ForgedToken[] {
  const thumbprint = '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I';
  return flawed(minter, 'H7 cnf', [
    ['a DPoP key', { cnf: { jkt: thumbprint } }],
    ['a certificate', { cnf: { 'x5t#S256': thumbprint } }],
    ['a key and a certificate', { cnf: { jkt: thumbprint, 'x5t#S256': thumbprint } }],
    ['a DPoP key that is no string', { cnf: { jkt: 1 } }],
    ['a list', { cnf: [{ jkt: thumbprint }] }],
  ]);
}

/**
 * D6, D7: valid tokens, none of which grants `scope`. A guard for that scope answers 403 (401 where it
 * refuses the claim's form altogether).
 */
export function scopes(minter: Minter, scope: string): readonly ForgedToken[] {
  return flawed(minter, 'D6', [
    ['no scope', {}],
    ['an empty scope', { scope: '' }],
    ['a longer scope', { scope: `${scope}write` }],
    ['a shorter scope', { scope: scope.slice(0, -1) }],
    ['a scope that ends like it', { scope: `not-${scope}` }],
    ['the scope in capitals', { scope: scope.toUpperCase() }],
    ['a no-break space', { scope: `${scope}\u00A0write` }],
    ['a tab', { scope: `${scope}\twrite` }],
    ['a newline', { scope: `${scope}\nwrite` }],
    ['a comma', { scope: `${scope},write` }],
    ['a list of one text with a space', { scope: [`${scope} write`] }],
    ['a list of an object', { scope: [{ value: scope }] }],
    ['a list in a list', { scope: [[scope]] }],
    ['an object', { scope: { [scope]: true } }],
    ['an asterisk', { scope: '*' }],
    ['true', { scope: true }],
    ['the claim Scope', { Scope: scope }],
    ['the claim scp, where scope is read', { scope: 'other', scp: scope }],
    ['the claim roles', { roles: [scope] }],
  ]);
}

/**
 * C4: valid tokens with claims named like an object's inherited members. A verifier may accept or refuse
 * them; no inherited property may appear in what it makes of them.
 */
export function protoClaims(minter: Minter): readonly ForgedToken[] {
  const admin = { admin: true, scope: 'admin', roles: ['admin'], sub: 'admin' };
  const own = (name: string, value: unknown) => Object.fromEntries([[name, value]]);
  return flawed(minter, 'C4', [
    ['__proto__', own('__proto__', admin)],
    ['__proto__ null', own('__proto__', null)],
    ['constructor', { constructor: { prototype: admin } }],
    ['prototype', { prototype: admin }],
    ['toString and hasOwnProperty', { toString: 1, hasOwnProperty: 1, valueOf: null }],
    ['__proto__ in a nested object', { realm_access: own('__proto__', { roles: ['admin'] }) }],
    ['__proto__ in a list', { orgs: [{ id: 'org-1', ...own('__proto__', admin) }] }],
    ['an organisation called __proto__', { orgs: own('__proto__', { roles: ['admin'] }) }],
  ]);
}

function flawed(minter: Minter, family: string, flaws: readonly Flaw[]): readonly ForgedToken[] {
  return flaws.map(([title, claims]) => ({
    title: `${family} ${title}`,
    token: minter.token(claims),
  }));
}

function toggleSlash(url: string): string {
  return url.endsWith('/') ? url.slice(0, -1) : `${url}/`;
}
