import type { SecurityRule } from './security-rules.js';

const client = ['test/client/auth-client.test.ts'];
const apiClient = ['test/client/api-client.test.ts'];

/** Rules of `latchkey/client`. */
export const clientRules: readonly SecurityRule[] = [
  {
    rule: 'a path names no other host',
    file: 'lib/client/relative-url.ts',
    find: "if (typeof path === 'string' && !ELSEWHERE.test(path)) {",
    replace: "if (typeof path === 'string') {",
    tests: client,
  },
  {
    rule: 'a path does not leave the base',
    file: 'lib/client/relative-url.ts',
    find: 'if (url.pathname.startsWith(base.pathname)) return url;',
    replace: 'return url;',
    tests: client,
  },
  {
    rule: 'a password follows no redirect',
    file: 'lib/client/router-calls.ts',
    find: "redirect: 'error',",
    replace: '',
    tests: client,
  },
  {
    rule: 'an outage is no log-out',
    file: 'lib/client/tokens.ts',
    find: "return answer.status === 401 || readAnswer<RouterTokens>(answer, 'access_token');",
    replace: 'return true;',
    tests: client,
  },
  {
    rule: 'what was asked before a log-out counts no more',
    file: 'lib/client/tokens.ts',
    find: 'const take = (renewed: Renewed) => isRenewed() || signIn(renewed);',
    replace: 'const take = (renewed: Renewed) => signIn(renewed);',
    tests: client,
  },
  {
    rule: 'a request that changes something is sent once',
    file: 'lib/client/authorised-fetch.ts',
    find: 'forMs: isSafe ? forMs : 0,',
    replace: 'forMs,',
    tests: client,
  },
  {
    rule: 'a refusal of another origin refreshes nothing',
    file: 'lib/client/authorised-fetch.ts',
    find: 'if (status !== 401 || (url && new URL(url).origin !== base.origin)) return false;',
    replace: 'if (status !== 401) return false;',
    tests: client,
  },
  {
    rule: 'a token that the platform gave is not replaced by one of a session',
    file: 'lib/client/auth-client.ts',
    find: 'renewal: async (...asked) => !isGiven && renewal(...asked),',
    replace: 'renewal,',
    tests: client,
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
    find: "const isToken = auth && auth.method !== 'api_key';",
    replace: 'const isToken = auth;',
    tests: apiClient,
  },
];
