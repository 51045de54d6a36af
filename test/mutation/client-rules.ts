import type { SecurityRule } from './security-rules.js';

const client = ['test/client/auth-client.test.ts'];
const paths = ['test/client/paths.test.ts'];
const logOut = ['test/client/log-out.test.ts'];
const tokenSource = ['test/client/token-source.test.ts'];
const apiClient = ['test/client/api-client.test.ts'];

/** Rules of `latchkey/client`. */
export const clientRules: readonly SecurityRule[] = [
  {
    rule: 'a path names no other host',
    file: 'lib/client/relative-url.ts',
    find: 'if (ELSEWHERE.test(path) || !isBelow(path)',
    replace: 'if (!isBelow(path)',
    tests: paths,
  },
  {
    rule: 'a path does not leave the base',
    file: 'lib/client/relative-url.ts',
    find: '|| !isBelow(path) ||',
    replace: '||',
    tests: paths,
  },
  {
    rule: 'a path does not leave the base by encoded slashes',
    file: 'lib/client/relative-url.ts',
    find: "|| !isBelow(path.replace(/%2f|%5c/gi, '/'))",
    replace: '',
    tests: paths,
  },
  {
    rule: 'a base has a host',
    file: 'lib/client/relative-url.ts',
    find: 'if (!BASE.test(base))',
    replace: "if (base === '')",
    tests: paths,
  },
  {
    rule: 'a log-out that the server has not confirmed is none',
    file: 'lib/client/sign-in.ts',
    find: 'if (answer.status !== 204 && !tokens.now.isOut)',
    replace: 'if (!answer.ok && answer.status !== 401)',
    tests: logOut,
  },
  {
    rule: 'an answer from before a log-out counts no more',
    file: 'lib/client/sign-in.ts',
    find: 'if (tokens.now !== now) return ask(isSecond);',
    replace: '',
    tests: logOut,
  },
  {
    rule: 'a password follows no redirect',
    file: 'lib/client/router-calls.ts',
    find: "redirect: 'error',",
    replace: '',
    tests: client,
  },
  {
    rule: 'a refusal that says nothing of the session is no log-out',
    file: 'lib/client/tokens.ts',
    find: "return isRefused && (answer.status === 401 || readAnswer<RouterTokens>(answer, 'access_token'));",
    replace: 'return isRefused;',
    tests: client,
  },
  {
    rule: 'what was asked before a log-out counts no more',
    file: 'lib/client/tokens.ts',
    find: 'const take: Take = (...renewed) => isRenewed() || signIn(...renewed);',
    replace: 'const take: Take = (...renewed) => signIn(...renewed);',
    tests: client,
  },
  {
    rule: 'a request that changes something is sent once',
    file: 'lib/client/authorised-fetch.ts',
    find: 'forMs: isSafe ? forMs : 0',
    replace: 'forMs',
    tests: client,
  },
  {
    rule: 'a refusal of another origin refreshes nothing',
    file: 'lib/client/authorised-fetch.ts',
    find: 'status === 401 && new URL(url, base).origin === new URL(base).origin',
    replace: 'status === 401',
    tests: paths,
  },
  {
    rule: 'no request is sent again as another user',
    file: 'lib/client/authorised-fetch.ts',
    find: 'if (!next || isOther ||',
    replace: 'if (!next ||',
    tests: ['test/client/other-user.test.ts'],
  },
  {
    rule: 'a token that the platform gave is not replaced by one of a session',
    file: 'lib/client/tokens.ts',
    find: '!asked.held?.isGiven && (await renewal(take, asked.refresh_token, isRenewed));',
    replace: 'await renewal(take, asked.refresh_token, isRenewed);',
    tests: tokenSource,
  },
  {
    rule: 'only allowed origins get the token of a caller',
    file: 'lib/client/api-client.ts',
    find: 'if (!allowedOrigins.some((allowed) => allowed === origin || allowed === wildcard))',
    replace: 'if (allowedOrigins.length === 0)',
    tests: apiClient,
  },
  {
    rule: 'an API key is passed on to nobody',
    file: 'lib/client/api-client.ts',
    find: "auth && auth.method !== 'api_key' && `Bearer ${auth.token}`",
    replace: 'auth && `Bearer ${auth.token}`',
    tests: apiClient,
  },
];
