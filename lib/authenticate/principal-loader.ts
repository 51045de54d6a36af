import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import { numberInRange } from '../known-options.js';
import { patchPrincipal, type PrincipalPatch } from './principal-patch.js';
import type { Principal } from '../principal.js';

/**
 * Looks up what a token cannot say, such as roles in your database. What it answers replaces the user's
 * facts of the same name; `{}` changes nothing, null and undefined mean that there is no such user any more
 * (401). A throw or rejection, and an answer with any other member than those of {@link PrincipalPatch}, is 503
 * STORE_UNAVAILABLE; an `AuthError` is passed on as it is.
 *
 * @example
 * ```ts
 * const loadPrincipal: LoadPrincipal<Request> = async ({ user }) => {
 *   const row = await db.findUser(user.id);
 *   return row && { email: row.email, roles: row.roles };
 * };
 * ```
 */
export type LoadPrincipal<Request> = (
  principal: Principal,
  request: Request,
) => PrincipalPatch | null | undefined | Promise<PrincipalPatch | null | undefined>;

export interface CachedLoadPrincipal<Request> {
  readonly load: LoadPrincipal<Request>;
  /** How long an answer is reused. 1 to 3600. A changed role takes as long to arrive. */
  readonly ttlSeconds: number;
  /** Most answers kept; the oldest goes first. 1 to 1,000,000. @defaultValue `10_000` */
  readonly maxEntries?: number;
  /**
   * Whose answer may be reused for whom. Name everything that `load` looks at. A look-up that depends on the
   * request must say so here. @defaultValue issuer and subject
   */
  readonly key?: (principal: Principal, request: Request) => string;
}

/** Without a time to live every request asks. */
export type LoadPrincipalOption<Request> = LoadPrincipal<Request> | CachedLoadPrincipal<Request>;

export type PrincipalLoader<Request> = (
  principal: Principal,
  request: Request,
) => Principal | Promise<Principal>;

/** What a loader needs of its surroundings. */
export interface PrincipalLoaderContext {
  readonly events: EventSink;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Thrown when the application does not know the user. */
  readonly unknownUser: AuthError;
}

type Answer = PrincipalPatch | null | undefined;

/** Prepares the hook. Throws a TypeError for bounds that make no sense. */
export function createPrincipalLoader<Request>(
  option: LoadPrincipalOption<Request>,
  context: PrincipalLoaderContext,
): PrincipalLoader<Request> {
  const cached = typeof option === 'function' ? undefined : option;
  const load = typeof option === 'function' ? option : option.load;
  if (typeof load !== 'function')
    throw new TypeError('`loadPrincipal` is a function, or has `load`');
  const ask = async (principal: Principal, request: Request): Promise<Answer> => {
    try {
      return await load(principal, request);
    } catch (cause) {
      if (cause instanceof AuthError) throw cause;
      context.events.emit('hook.failed', { hook: 'loadPrincipal' });
      throw new AuthError('STORE_UNAVAILABLE', { reason: 'load_principal', cause });
    }
  };
  const warn = createWarning();
  const askOrRecall = cached ? rememberAnswers(ask, cached, context.now) : ask;
  return async (principal, request) => {
    const patch = await askOrRecall(principal, request);
    if (patch === null || patch === undefined) throw context.unknownUser;
    try {
      return patchPrincipal(principal, patch);
    } catch (cause) {
      if (cause instanceof TypeError) warn(cause.message);
      context.events.emit('hook.failed', { hook: 'loadPrincipal' });
      throw new AuthError('STORE_UNAVAILABLE', { reason: 'load_principal', cause });
    }
  };
}

/** Tells a developer once what the hook must not return; each request gets its 503. */
function createWarning(): (message: string) => void {
  let isTold = false;
  return (message) => {
    if (!isTold) process.emitWarning(message, 'LatchkeyWarning');
    isTold = true;
  };
}

type Ask<Request> = (principal: Principal, request: Request) => Promise<Answer>;

/** Shares answers within their time to live, and a question that is being asked. Failures are not kept. */
function rememberAnswers<Request>(
  ask: Ask<Request>,
  { ttlSeconds, maxEntries = 10_000, key = subjectKey }: CachedLoadPrincipal<Request>,
  now: () => number,
): Ask<Request> {
  numberInRange(ttlSeconds, [1, 3600], 'loadPrincipal.ttlSeconds');
  numberInRange(maxEntries, [1, 1_000_000], 'loadPrincipal.maxEntries');
  const answers = new Map<
    string,
    { readonly answer: Promise<Answer>; readonly expiresAt: number }
  >();
  return (principal, request) => {
    const id = key(principal, request);
    const known = answers.get(id);
    if (known && now() < known.expiresAt) return known.answer;
    const answer = ask(principal, request);
    const entry = { answer, expiresAt: now() + ttlSeconds * 1000 };
    answers.delete(id);
    const [oldest] = answers.keys();
    if (answers.size >= maxEntries && oldest !== undefined) answers.delete(oldest);
    answers.set(id, entry);
    answer.catch(() => {
      if (answers.get(id) === entry) answers.delete(id);
    });
    return answer;
  };
}

function subjectKey({ issuer, subject }: Principal): string {
  return JSON.stringify([issuer, subject]);
}
