import { isRecord } from '../../is-record.js';

/** Why a store failed, in one fixed word: `reason` of the event `store.failed`, and of the 503. */
export type StoreFailureReason =
  | 'driver'
  | 'host'
  | 'refused'
  | 'tls'
  | 'authentication'
  | 'database'
  | 'permission'
  | 'readonly'
  | 'eviction'
  | 'schema'
  | 'cluster'
  | 'disk'
  | 'memory'
  | 'connections'
  | 'locked'
  | 'not_ready'
  | 'connection'
  | 'timeout'
  | 'overload'
  | 'closed'
  | 'error';

/** Error codes of Node, SQLSTATE of PostgreSQL, primary result codes of SQLite. */
const codesOf: readonly (readonly [reason: StoreFailureReason, codes: readonly string[]])[] = [
  ['driver', ['PACKAGE_MISSING']],
  ['host', ['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'ENODATA', 'ESERVFAIL']],
  ['refused', ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'EHOSTDOWN']],
  ['tls', ['EPROTO', 'HOSTNAME_MISMATCH']],
  ['authentication', ['28P01', '28000']],
  ['database', ['3D000', 'XX001', 'XX002', 'ENOENT', 'ENOTDIR', 'EISDIR']],
  ['database', ['SQLITE_CANTOPEN', 'SQLITE_NOTADB', 'SQLITE_CORRUPT']],
  ['permission', ['42501', 'EACCES', 'EPERM', 'SQLITE_PERM', 'SQLITE_AUTH']],
  ['eviction', ['EVICTION']],
  ['readonly', ['READONLY', '25006', 'EROFS', 'SQLITE_READONLY']],
  ['schema', ['3F000', '42P01', '42703', '42883', 'SQLITE_SCHEMA']],
  ['disk', ['53100', '58030', 'ENOSPC', 'EDQUOT', 'EIO', 'SQLITE_FULL', 'SQLITE_IOERR']],
  ['memory', ['53200', 'ENOMEM', 'SQLITE_NOMEM']],
  ['connections', ['53300', 'EMFILE', 'ENFILE']],
  ['locked', ['55P03', '40001', '40P01', 'SQLITE_BUSY', 'SQLITE_LOCKED']],
  ['not_ready', ['57P03']],
  ['connection', ['ECONNRESET', 'ECONNABORTED', 'EPIPE', '57P01', '57P02', '57P05']],
  ['timeout', ['ETIMEDOUT', '57014', '25P03']],
];

const reasonByCode: ReadonlyMap<string, StoreFailureReason> = new Map(
  codesOf.flatMap(([reason, codes]) => codes.map((code) => [code, reason] as const)),
);

/** `errcode` of node:sqlite, without the byte that refines it. */
const sqliteCodes: ReadonlyMap<number, string> = new Map([
  [3, 'SQLITE_PERM'],
  [5, 'SQLITE_BUSY'],
  [6, 'SQLITE_LOCKED'],
  [7, 'SQLITE_NOMEM'],
  [8, 'SQLITE_READONLY'],
  [10, 'SQLITE_IOERR'],
  [11, 'SQLITE_CORRUPT'],
  [13, 'SQLITE_FULL'],
  [14, 'SQLITE_CANTOPEN'],
  [17, 'SQLITE_SCHEMA'],
  [23, 'SQLITE_AUTH'],
  [26, 'SQLITE_NOTADB'],
]);

/** For errors without a code, and for codes that stand for several things. The first that matches counts. */
const messages: readonly (readonly [pattern: RegExp, reason: StoreFailureReason])[] = [
  // pg_hba.conf: what is refused without encryption is most often welcome with it.
  [/pg_hba\.conf.*(?:no encryption|SSL off)/, 'tls'],
  [/does not support SSL|establishing an SSL connection|before secure TLS connection/, 'tls'],
  [
    /^(?:NOAUTH|WRONGPASS)\b|^ERR (?:invalid password|AUTH |Client sent AUTH)|^SASL/,
    'authentication',
  ],
  [/^NOPERM\b|^ERR unknown command/, 'permission'],
  [/^READONLY\b/, 'readonly'],
  [/^OOM\b/, 'memory'],
  [/^MISCONF\b/, 'disk'],
  [/^(?:MOVED|ASK|CROSSSLOT)\b/, 'cluster'],
  [/^(?:LOADING|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|NOREPLICAS)\b/, 'not_ready'],
  [/^server login has been failing|^server login failed/, 'not_ready'],
  [/^ERR DB index is out of range|^no such database|^database .* does not exist/, 'database'],
  [/nable to open (?:connection to local )?database/, 'database'],
  [/max number of clients|no more connections allowed|too many clients/, 'connections'],
  [/^no such (?:table|column)/, 'schema'],
  [/time(?:d )?out/i, 'timeout'],
  [
    /client is closed|after calling end on the pool|connection is not open|database is not open/i,
    'closed',
  ],
  [
    /connection (?:terminated|is closed|error)|socket closed|max retries per request/i,
    'connection',
  ],
  [/^(?:All sentinels are unreachable|Failed to refresh slots|None of startup nodes)/, 'refused'],
];

const tlsCode = /^(?:ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_)/;

/** What they say may be only how a more telling error ended. */
const vague: ReadonlySet<StoreFailureReason> = new Set(['timeout', 'connection', 'closed']);

/** Finds out why a store failed, from a driver's error and those behind it. The first telling one counts. */
export function reasonOf(error: unknown): StoreFailureReason {
  const reasons = chainOf(error).flatMap((link) => ownReason(link) ?? []);
  return reasons.find((reason) => !vague.has(reason)) ?? reasons[0] ?? 'error';
}

const MOST_LINKS = 8;

/** An error and those that caused it, also the several attempts behind one connection. */
export function chainOf(error: unknown): readonly Record<string, unknown>[] {
  const links: Record<string, unknown>[] = [];
  const waiting = [error];
  while (waiting.length > 0 && links.length < MOST_LINKS) {
    const link = waiting.shift();
    if (!isRecord(link) || links.includes(link)) continue;
    links.push(link);
    waiting.push(link['cause'], link['lastNodeError']);
    if (Array.isArray(link['errors'])) waiting.push(...link['errors']);
  }
  return links;
}

function ownReason(error: Record<string, unknown>): StoreFailureReason | undefined {
  const { message } = error;
  const code = codeOf(error);
  const byMessage =
    typeof message === 'string'
      ? messages.find(([pattern]) => pattern.test(message))?.[1]
      : undefined;
  // A bad certificate has one of many codes, as has a broken connection in PostgreSQL.
  const byCode =
    code === undefined
      ? undefined
      : (reasonByCode.get(code) ?? (tlsCode.test(code) ? 'tls' : undefined));
  if (byMessage === 'tls') return byMessage;
  return byCode ?? byMessage ?? (code?.startsWith('08') ? 'connection' : undefined);
}

/** The code of a driver's error; SQLite's without what refines it. */
export function codeOf({ code, errcode }: Record<string, unknown>): string | undefined {
  if (typeof errcode === 'number') return sqliteCodes.get(errcode % 256);
  if (typeof code !== 'string' || code === '') return undefined;
  return /^SQLITE_[A-Z]+/.exec(code)?.[0] ?? code;
}
