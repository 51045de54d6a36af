import { chainOf, codeOf, reasonOf, type StoreFailureReason } from './failure-reasons.js';

/**
 * Why a store failed: the `cause` of a 503. Its message is for whoever runs the application; it names host and port, and
 * holds neither password nor URL, and nothing of what was to be stored.
 */
export class StoreFailure extends Error {
  override readonly name = 'StoreFailure';
  readonly reason: StoreFailureReason;

  constructor(reason: StoreFailureReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** What is known of a store. */
export interface StoreSite {
  /** Such as `PostgreSQL at db.example:5432`. */
  readonly name: string;
  /** What must not be in any message. */
  readonly secrets: readonly string[];
}

const texts: Readonly<Record<StoreFailureReason, string>> = {
  driver: 'has no driver: install its package',
  host: 'is not found under its host name: check the host',
  refused:
    'is not reached: nothing accepts connections there; check host and port, and that the server runs',
  tls: 'and this process do not agree on TLS: check the certificate and its name, and whether the server wants TLS (PostgreSQL: ?sslmode=verify-full, Redis: rediss://) or has none',
  authentication:
    'does not accept user and password: check both, with special characters percent-encoded in a URL (@ is %40, # is %23)',
  database: 'has no such database, or the file is none: check its name, and that its folder exists',
  permission:
    'does not let its user do this: grant the rights to create tables and to change rows, or the commands',
  readonly:
    'can only be read: it is a replica or a read-only file; connect to the primary, or make it writable',
  eviction: 'may drop what it was given: set maxmemory-policy to noeviction',
  schema:
    'lacks tables or columns that were there, or the schema for them: check search_path and the rights of its user',
  cluster: 'is a cluster: connect to it as one',
  disk: 'cannot write to its disk: look for free space, and into the log of the server',
  memory: 'has no memory left: raise its limit (Redis: maxmemory)',
  connections:
    'has no connection left: raise its limit, or make the pools of the instances smaller',
  locked: 'is locked by another process or transaction',
  not_ready: 'is not ready: it starts, fails over, or is kept busy',
  connection: 'broke the connection off: check that it runs, and whether it wants TLS',
  timeout: 'did not answer in time',
  overload: 'has more to do than it can answer in time',
  closed: 'has been closed',
  error: 'failed',
};

/** Words for a driver's error. Keeps only what is safe to print of it. */
export function explainFailure(error: unknown, site: StoreSite | undefined): StoreFailure {
  if (error instanceof StoreFailure) return error;
  const reason = reasonOf(error);
  const code = chainOf(error)
    .flatMap((link) => codeOf(link) ?? [])
    .at(0);
  const cause = printableCopy(error, site?.secrets ?? []);
  // The package and the command that installs it are in the message of whoever tried to load it.
  const message =
    reason === 'driver' && cause
      ? cause.message
      : `${site?.name ?? addressOf(error)} ${texts[reason]}${code === undefined ? '' : ` (${code})`}`;
  return new StoreFailure(reason, message, { cause });
}

function addressOf(error: unknown): string {
  for (const { hostname, address, port } of chainOf(error)) {
    const host = hostname ?? address;
    if (typeof host === 'string' && /^[\w.:%-]{1,255}$/.test(host))
      return typeof port === 'number' ? `the store at ${host}:${port}` : `the store at ${host}`;
  }
  return 'the store';
}

/**
 * An error and those behind it, each as its class, message, code and stack. Drivers add what they were doing: ioredis the arguments
 * of a command, AUTH included, Node the URL that it could not read, PostgreSQL the row that was in the way.
 */
function printableCopy(error: unknown, secrets: readonly string[]): Error | undefined {
  return chainOf(error)
    .toReversed()
    .reduce<Error | undefined>((cause, link) => {
      const message = printable(link['message'], secrets);
      const copy = new Error(message, cause && { cause });
      const { name, stack } = link;
      if (typeof name === 'string' && /^\w{1,64}$/.test(name)) copy.name = name;
      const frames = typeof stack === 'string' ? stack.split('\n').filter(isFrame) : [];
      copy.stack = [`${copy.name}: ${message}`, ...frames].join('\n');
      const code = codeOf(link);
      return code === undefined ? copy : Object.assign(copy, { code });
    }, undefined);
}

function isFrame(line: string): boolean {
  return /^\s+at /.test(line);
}

const LONGEST_MESSAGE = 500;

function printable(message: unknown, secrets: readonly string[]): string {
  if (typeof message !== 'string') return '';
  const text = secrets.reduce((rest, secret) => rest.replaceAll(secret, '[redacted]'), message);
  // Redis repeats the arguments of a command that it does not know.
  return text.replace(/, with args beginning with:.*/s, '').slice(0, LONGEST_MESSAGE);
}
