import { readRedisUrl } from './redis/url.js';

/** What is wrong with the URL of a store, and what to write instead. Neither quotes it: it may hold a password. */
export interface StoreUrlProblem {
  readonly problem: string;
  readonly cure: string;
}

const FORMS = 'memory:, file:./auth.db, postgres://user:password@host/database or redis://host';

/** Schemes with a server behind them. */
const SERVERS = /^(?:postgres|postgresql|rediss?(?:\+(?:sentinel|cluster))?):\/\//;

/** What people write who mean something that we know, or who mean a database that we don't. */
const mistakes: readonly (readonly [pattern: RegExp, cure: string])[] = [
  [
    /^(?:mysql|mariadb|mongodb|mssql|sqlserver|oracle)\b/i,
    `there is no store for this database; write ${FORMS}`,
  ],
  [/^:?memory:?/i, 'write memory:'],
  [/^(?:jdbc:)?postgres\w*\b/i, 'write postgres://user:password@host/database'],
  [/^rediss?\b/i, 'write redis://host, or rediss://host with TLS'],
  [
    /^(?:sqlite|libsql)\d?:|^[^:]*\.(?:db|sqlite3?)$/i,
    'write file: and the path, such as file:./auth.db',
  ],
  [/^file:.*[?#]/i, 'write file: and the path alone, without ? or #'],
];

/** Undefined where `openStore()` can do something with the URL. */
export function storeUrlProblem(url: string): StoreUrlProblem | undefined {
  if (url === 'memory:' || /^file:[^?#]+$/.test(url)) return undefined;
  if (!SERVERS.test(url))
    return {
      problem: 'has no scheme that a store knows',
      cure: mistakes.find(([pattern]) => pattern.test(url))?.[1] ?? `write ${FORMS}`,
    };
  if (/^rediss?\+/.test(url)) return severalHostsProblem(url);
  if (isUnambiguous(url)) return undefined;
  return {
    problem: 'is not a valid URL',
    cure: 'percent-encode special characters in user and password (# is %23, / is %2F, @ is %40)',
  };
}

/** Not with an unescaped # or / in the password: what is before it would pass for host and port. */
function isUnambiguous(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { pathname, search, hash } = new URL(url);
  return hash === '' && !pathname.includes('@') && !/^\?[^=&]*@/.test(search);
}

/** Several hosts make no URL of the standard. */
function severalHostsProblem(url: string): StoreUrlProblem | undefined {
  try {
    readRedisUrl(url);
    return undefined;
  } catch (error) {
    const why = error instanceof Error ? ` (${error.message})` : '';
    return {
      problem: 'is not a valid URL of a Redis',
      cure: `write redis+sentinel://host:26379/mymaster or redis+cluster://host:6379${why}`,
    };
  }
}
