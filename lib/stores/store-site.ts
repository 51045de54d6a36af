import { readRedisUrl } from './redis/url.js';
import type { StoreSite } from './failures/store-failure.js';
import { storeUrlProblem } from './store-url.js';

const names: Readonly<Record<string, string>> = {
  postgres: 'PostgreSQL',
  postgresql: 'PostgreSQL',
  redis: 'Redis',
  rediss: 'Redis',
};

/** What messages may say of the store at a URL, and what they may not. */
export function siteOf(url: string): StoreSite {
  const scheme = url.slice(0, url.indexOf(':'));
  const name = names[scheme.replace(/\+.*/, '')];
  if (name === undefined) return { name: `the SQLite file ${url.slice(5)}`, secrets: [] };
  const host = name === 'Redis' ? redisHosts(url) : hostOf(url);
  return {
    name: host === undefined ? name : `${name} at ${host}`,
    secrets: [url, ...passwordsIn(url)],
  };
}

/** Undefined where the host cannot be told from the rest for certain. */
function hostOf(url: string): string | undefined {
  if (storeUrlProblem(url) || !URL.canParse(url)) return undefined;
  const { hostname, port } = new URL(url);
  return hostname === '' ? undefined : `${hostname}:${port === '' ? 5432 : port}`;
}

function redisHosts(url: string): string | undefined {
  if (storeUrlProblem(url)) return undefined;
  const { nodes } = readRedisUrl(url);
  return nodes.map(({ host, port }) => `${host}:${port}`).join(', ');
}

const SHORTEST_SECRET = 4;

/** The passwords of a URL as they are written there, and decoded. Those too short to be one would blot out common words. */
function passwordsIn(url: string): readonly string[] {
  const inAuthority = /^[^:]+:\/\/[^:@]*:(.*)@/s.exec(url)?.[1];
  const inQuery = [...url.matchAll(/[?&][^=&]*pass[^=&]*=([^&]*)/gi)].map(([, value]) => value);
  return [inAuthority, ...inQuery]
    .flatMap((text = '') => [text, decoded(text)])
    .filter((text) => text.length >= SHORTEST_SECRET);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
