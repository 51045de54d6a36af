/** A rule of security that is taken out, to see whether a test notices. */
export interface SecurityRule {
  /** What the rule says. */
  readonly rule: string;
  readonly file: string;
  /** Source text that stands there exactly once, and what takes its place. */
  readonly find: string;
  readonly replace: string;
  /** Test files or folders of which one has to notice. */
  readonly tests: readonly string[];
}

/**
 * Rules whose removal no test of an earlier release noticed, and their brothers. Where `find` does not fit any more, follow the rule to
 * where it went, and write down how it is taken out there.
 */
export const securityRules: readonly SecurityRule[] = [
  {
    rule: 'a redirect of a provider is not followed',
    file: 'lib/providers/fetch.ts',
    find: "redirect: 'manual' as const",
    replace: "redirect: 'follow' as const",
    tests: ['test/attacks/oidc-provider-misdeeds.test.ts', 'test/providers'],
  },
  {
    rule: 'a redirect of a key endpoint is not followed',
    file: 'lib/verifier/keys/fetch.ts',
    find: "redirect: 'manual',",
    replace: "redirect: 'follow',",
    tests: ['test/attacks/keys.test.ts', 'test/verifier'],
  },
  {
    rule: "another issuer's token is nobody's account here",
    file: 'lib/router/caller.ts',
    find: 'principal.issuer !== config.jwt.issuer',
    replace: 'false',
    tests: ['test/attacks/issuers.test.ts', 'test/router'],
  },
  {
    rule: "another issuer's token logs nobody out here",
    file: 'lib/router/session/logout.ts',
    find: 'principal?.issuer === config.jwt.issuer',
    replace: 'true',
    tests: ['test/attacks/issuers.test.ts', 'test/router'],
  },
  {
    rule: 'a revoked token is refused after a wait for keys as well',
    file: 'lib/verifier/verifier.ts',
    find: 'return known && verification.checkRevocation(createPrincipal(known.verified, token));',
    replace: 'return known && createPrincipal(known.verified, token);',
    tests: ['test/verifier', 'test/attacks/caches.test.ts'],
  },
  {
    rule: 'only allowed Google Workspace domains sign in by redirect',
    file: 'lib/providers/openid.ts',
    find: 'allowedDomains.length > 0 &&',
    replace: 'false &&',
    tests: ['test/attacks/oidc-provider-misdeeds.test.ts'],
  },
  {
    rule: 'cached tokens of an issuer that the resolver has dropped are refused',
    file: 'lib/verifier/tokens/last-tokens.ts',
    find: 'nowMs < trustedUntil &&',
    replace: 'true &&',
    tests: ['test/verifier', 'test/attacks/issuers.test.ts', 'test/attacks/caches.test.ts'],
  },
  {
    rule: 'a token that its connection sent before ends with its time and its key',
    file: 'lib/verifier/tokens/last-tokens.ts',
    find: 'holdsAt(verified, Math.floor(nowMs / 1000)) &&',
    replace: 'true &&',
    tests: ['test/verifier/last-tokens.test.ts'],
  },
  {
    rule: 'a token that its connection sent before is asked about its revocation',
    file: 'lib/verifier/verifier.ts',
    find: 'if (last) return checkRevocation(last);',
    replace: 'if (last) return last;',
    tests: ['test/verifier/last-tokens.test.ts'],
  },
  {
    rule: 'an issuer that changed or went loses its cached tokens at once',
    file: 'lib/verifier/trusted-issuers/resolved-issuers.ts',
    find: 'before.trusted.trustedUntil = Number.NEGATIVE_INFINITY;',
    replace: '',
    tests: ['test/verifier', 'test/attacks/issuers.test.ts', 'test/attacks/caches.test.ts'],
  },
  {
    rule: "an application's claims cannot take the name of a registered one",
    file: 'lib/issuing/access-token-signer.ts',
    find: 'filter(([name]) => !reserved.has(name))',
    replace: 'filter(() => true)',
    tests: ['test/issuing'],
  },
  {
    rule: "Google's form is taken from our own origin or Google's alone",
    file: 'lib/router/provider/google.ts',
    find: '!isFromGoogle || ',
    replace: '',
    tests: ['test/attacks/google.test.ts', 'test/router'],
  },
  {
    rule: "Google's form needs the double-submit cookie",
    file: 'lib/router/provider/google.ts',
    find: "token === '' || token !== csrfCookie(req)",
    replace: 'false',
    tests: ['test/attacks/google.test.ts', 'test/router'],
  },
  {
    rule: 'a sign-in ends the session that the browser had before',
    file: 'lib/router/complete-sign-in.ts',
    find: "if (former) await sessions.revoke({ id: former.id }, 'replaced');",
    replace: '',
    tests: [
      'test/attacks/google.test.ts',
      'test/attacks/cookie-sessions.test.ts',
      'test/attacks/login.test.ts',
    ],
  },
  {
    rule: 'a disabled user has no session',
    file: 'lib/sessions/live-session.ts',
    find: 'user !== undefined && !user.disabled',
    replace: 'user !== undefined',
    tests: ['test/attacks/refresh.test.ts', 'test/attacks/cookie-sessions.test.ts', 'test/router'],
  },
  {
    rule: 'a disabled user cannot use routes of their own',
    file: 'lib/router/caller.ts',
    find: '!user || user.disabled',
    replace: '!user',
    tests: ['test/router', 'test/attacks/login.test.ts', 'test/attacks/issuers.test.ts'],
  },
  {
    rule: 'a one-time code is worth nothing for a user who was disabled meanwhile',
    file: 'lib/router/provider/exchange.ts',
    find: '!user || user.disabled',
    replace: '!user',
    tests: ['test/attacks/exchange.test.ts', 'test/router'],
  },
  {
    rule: 'a log-in of a user who was disabled meanwhile fails',
    file: 'lib/router/password/login.ts',
    find: '!latest.disabled &&',
    replace: 'true &&',
    tests: ['test/attacks/late-sessions.test.ts', 'test/attacks/login.test.ts', 'test/router'],
  },
  {
    rule: 'a password cannot be set for a user who was disabled meanwhile',
    file: 'lib/router/password/set-password.ts',
    find: ' || latest.disabled',
    replace: '',
    tests: ['test/attacks/passwords.test.ts', 'test/attacks/late-sessions.test.ts', 'test/router'],
  },
  {
    rule: 'deleting a user ends their sessions',
    file: 'lib/router/admin/users.ts',
    find: "await sessions.revoke({ userId: id }, 'user_deleted');",
    replace: '',
    tests: ['test/attacks/late-sessions.test.ts', 'test/router/admin'],
  },
  {
    rule: 'deleting a user unlinks their identities',
    file: 'lib/router/admin/users.ts',
    find: 'await identities.unlinkAll(id);',
    replace: '',
    tests: ['test/attacks/late-sessions.test.ts', 'test/router/admin'],
  },
  {
    rule: 'disabling a user ends their sessions',
    file: 'lib/router/admin/users.ts',
    find: "if (change.disabled) await sessions.revoke({ userId: user.id }, 'user_disabled');",
    replace: '',
    tests: ['test/router/admin'],
  },
  {
    rule: 'a mailed token dies with a changed password',
    file: 'lib/router/password/reset-password.ts',
    find: '`${email}\\n${passwordHash}`',
    replace: '`${email}`',
    tests: ['test/attacks/passwords.test.ts', 'test/router'],
  },
  {
    rule: 'a mailed token dies with a changed address',
    file: 'lib/router/password/reset-password.ts',
    find: '`${email}\\n${passwordHash}`',
    replace: '`${passwordHash}`',
    tests: ['test/attacks/passwords.test.ts', 'test/router'],
  },
  {
    rule: 'an identity that was linked during a reset does not stay',
    file: 'lib/router/password/set-password.ts',
    find: "    if (isReset) await identities.unlinkAll(user.id);\n    events.emit('password.changed'",
    replace: "    events.emit('password.changed'",
    tests: ['test/attacks/late-sessions.test.ts'],
  },
  {
    rule: 'identities that were linked before a reset do not stay',
    file: 'lib/router/password/set-password.ts',
    find: '    if (isReset) await identities.unlinkAll(user.id);\n    const changed',
    replace: '    const changed',
    tests: ['test/attacks/late-sessions.test.ts', 'test/attacks/account-linking.test.ts'],
  },
  {
    rule: 'a refresh token from the future, of a store set back, is refused',
    file: 'lib/sessions/judge-token.ts',
    find: "if (parts.generation > session.generation) return { refusal: 'future' };",
    replace: '',
    tests: ['test/attacks/refresh.test.ts', 'test/router'],
  },
  {
    rule: 'limits of unsafe requests fail closed while the counters fail',
    file: 'lib/router/rate-limits.ts',
    find: '? await counting.catch(() => ({ count: 1, resetAt: now() + windowMs }))\n        : await counting',
    replace:
      '? await counting\n        : await counting.catch(() => ({ count: 1, resetAt: now() + windowMs }))',
    tests: ['test/router', 'test/attacks/login.test.ts'],
  },
  {
    rule: 'a segment ends in a canonical character, when two characters are left',
    file: 'lib/verifier/tokens/shape.ts',
    find: '/[AQgw]/',
    replace: '/./',
    tests: ['test/verifier', 'test/attacks/forged-tokens.test.ts'],
  },
  {
    rule: 'a segment ends in a canonical character, when three characters are left',
    file: 'lib/verifier/tokens/shape.ts',
    find: '/[AEIMQUYcgkosw048]/',
    replace: '/./',
    tests: ['test/verifier', 'test/attacks/forged-tokens.test.ts'],
  },
  {
    rule: 'a token longer than the limit is refused',
    file: 'lib/verifier/tokens/shape.ts',
    find: 'MAX_TOKEN_LENGTH = 16_384',
    replace: 'MAX_TOKEN_LENGTH = 16_388',
    tests: [
      'test/verifier',
      'test/attacks/forged-tokens.test.ts',
      'test/attacks/transport.test.ts',
    ],
  },
  {
    rule: 'HEAD is a safe method, and POST is not',
    file: 'lib/http/cross-site.ts',
    find: "new Set(['GET', 'HEAD', 'OPTIONS'])",
    replace: "new Set(['GET', 'OPTIONS'])",
    tests: ['test/middleware/same-origin.test.ts', 'test/http'],
  },
  {
    rule: 'an unsafe request from a page of another site is refused',
    file: 'lib/http/cross-site.ts',
    find: 'if (!isOurs(request, allowed))',
    replace: 'if (false)',
    tests: ['test/middleware/same-origin.test.ts'],
  },
  {
    rule: 'an instance that knows that revocations are missing asks the store for each session',
    file: 'lib/sessions/revocations.ts',
    find: 'isSure = !reader.isBehind();',
    replace: 'isSure = true;',
    tests: ['test/sessions'],
  },
  {
    rule: 'revocations are missing after a full page, until a page is not full',
    file: 'lib/sessions/revocation-reader.ts',
    find: 'isBehind = page.length >= PAGE;',
    replace: 'isBehind = false;',
    tests: ['test/sessions'],
  },
  {
    rule: 'a session that the store says nothing of counts as revoked while revocations are missing',
    file: 'lib/sessions/session-inquiries.ts',
    find: 'session === undefined || session.revokedAt !== undefined',
    replace: 'session?.revokedAt !== undefined',
    tests: ['test/sessions/revocations.test.ts'],
  },
  {
    rule: 'a session that is revoked here while the store is asked is revoked',
    file: 'lib/sessions/session-inquiries.ts',
    find: 'return isRevoked || recall(id) === true;',
    replace: 'return isRevoked;',
    tests: ['test/sessions/revocations.test.ts'],
  },
  {
    rule: 'an answer about a session is believed no longer than the lag',
    file: 'lib/sessions/session-inquiries.ts',
    find: 'if (answer && now() < answer.until)',
    replace: 'if (answer)',
    tests: ['test/sessions/revocations.test.ts'],
  },
  {
    rule: 'a look after an outage begins before it, for a replica that has missed revocations',
    file: 'lib/sessions/revocation-reader.ts',
    find: 'if (!isBehind) after = undefined;',
    replace: '',
    tests: ['test/sessions/revocations.test.ts'],
  },
  {
    rule: 'a revoked session is remembered until no clock tolerance accepts its tokens',
    file: 'lib/sessions/revocations.ts',
    find: 'const MARGIN_MS = 330_000;',
    replace: 'const MARGIN_MS = 30_000;',
    tests: ['test/sessions/revocations.test.ts'],
  },
];
