import { isScopeToken } from '../errors/challenges.js';
import type { FieldError } from '../errors.js';
import { numberInRange, refuseUnknownOptions } from '../known-options.js';
import type { StoredUser } from '../stores/store.js';
import type { KeyOwner } from './key-owners.js';

/** What a user wants of a key that they are about to make. */
interface WantedKey {
  readonly resource: string | undefined;
  readonly org: string | undefined;
  readonly scopes: readonly string[];
}

/** How users may make API keys. */
export interface ApiKeyOptions {
  /**
   * Whether a user may make such a key by the routes or the page. Asked each time; `false` is 403. When it throws, the answer
   * is 503 and the event `hook.failed`. What a `resource` is, and whose, only the application knows.
   * @defaultValue keys without a `resource` only
   *
   * @example
   * const auth = createAuth({
   *   apiKeys: {
   *     mayCreate: async (user, { resource }) =>
   *       resource === undefined || (await db.isOwner(user.id, resource)),
   *   },
   * });
   */
  readonly mayCreate?: (user: StoredUser, wanted: WantedKey) => boolean | Promise<boolean>;
  /** Most keys of one owner, expired ones included until they are deleted. 1 to 1000. More: 409 CONFLICT. @defaultValue `50` */
  readonly maxPerOwner?: number;
  /** Longest life of a key, and the life of one that none was asked for. Seconds, 60 to 10 years. @defaultValue no end */
  readonly maxLifeSeconds?: number;
}

/** Ten years. */
const LONGEST_SECONDS = 315_360_000;
const SHORTEST_SECONDS = 60;

/** Throws a TypeError for options that cannot be. */
export function checkApiKeyOptions(
  options: ApiKeyOptions,
): Required<Pick<ApiKeyOptions, 'maxPerOwner'>> & ApiKeyOptions {
  refuseUnknownOptions('createAuth({ apiKeys })', options, [
    'mayCreate',
    'maxPerOwner',
    'maxLifeSeconds',
  ]);
  const { mayCreate, maxPerOwner = 50, maxLifeSeconds = LONGEST_SECONDS } = options;
  if (mayCreate !== undefined && typeof mayCreate !== 'function')
    throw new TypeError('createAuth({ apiKeys }): `mayCreate` is a function');
  numberInRange(maxPerOwner, [1, 1000], 'apiKeys.maxPerOwner');
  numberInRange(maxLifeSeconds, [SHORTEST_SECONDS, LONGEST_SECONDS], 'apiKeys.maxLifeSeconds');
  return { ...options, maxPerOwner };
}

/** A key to be made. */
export interface NewApiKey {
  /** Id of the user, or of the service account, that it acts for. */
  readonly owner: string;
  /** What it is for, in the owner's words: 1 to 100 characters, no control characters. */
  readonly name: string;
  /** At most 50, each of which the owner has today. @defaultValue none: it proves who calls, and opens no guard with scopes */
  readonly scopes?: readonly string[] | undefined;
  /** The only resource that it opens, such as `project:42`: 1 to 200 characters. @defaultValue none */
  readonly resource?: string | undefined;
  /** The only organisation that it is good for, one of its owner's. @defaultValue every one of its owner */
  readonly org?: string | undefined;
  /** Seconds, at least 60, at most `maxLifeSeconds`, whole. @defaultValue `maxLifeSeconds`; without that, it has no end */
  readonly expiresInSeconds?: number | undefined;
  /** Id of the user who makes it. @defaultValue code of the application does */
  readonly createdBy?: string | undefined;
}

const MOST_SCOPES = 50;

/** Returns what is wrong with a key to be made for its owner, by the members of the request's body. */
export function flawsOf(
  key: NewApiKey,
  owner: Pick<KeyOwner, 'scopes' | 'orgs'>,
  maxLifeSeconds: number | undefined,
): readonly FieldError[] {
  const { name, scopes = [], resource, org, expiresInSeconds: life } = key;
  const longest = maxLifeSeconds ?? LONGEST_SECONDS;
  const flaws: (FieldError | false)[] = [
    !isLine(name, 100) && flaw('name', 'is 1 to 100 characters, none of them a control character'),
    !(scopes.length <= MOST_SCOPES && scopes.every(isScope))
      ? flaw('scopes', `is a list of up to ${MOST_SCOPES} scopes (RFC 6749 §3.3)`)
      : !scopes.every((scope) => owner.scopes.includes(scope)) &&
        flaw('scopes', 'names a scope that the owner does not have'),
    resource !== undefined &&
      !isLine(resource, 200) &&
      flaw('resource', 'is 1 to 200 characters, none of them a control character'),
    org !== undefined &&
      !owner.orgs.some(({ id }) => id === org) &&
      flaw('org', 'is no organisation of the owner'),
    life !== undefined &&
      !(Number.isInteger(life) && life >= SHORTEST_SECONDS && life <= longest) &&
      flaw('expires_in', `is a whole number of seconds from ${SHORTEST_SECONDS} to ${longest}`),
  ];
  return flaws.filter((each) => each !== false);
}

function flaw(member: string, detail: string): FieldError {
  return { pointer: `#/${member}`, detail };
}

function isScope(scope: unknown): boolean {
  return typeof scope === 'string' && scope.length <= 128 && isScopeToken(scope);
}

/** Text that can be stored, printed and compared. */
function isLine(text: unknown, longest: number): boolean {
  return (
    typeof text === 'string' &&
    text.trim() !== '' &&
    text.length <= longest &&
    !/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(text)
  );
}
