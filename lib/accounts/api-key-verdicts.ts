import { timingSafeEqual } from 'node:crypto';
import { createBoundedMap } from '../bounded-map.js';
import { createReadonlySet, deepFreeze } from '../claims/frozen.js';
import { AuthError, refusalAbout, reusableError } from '../errors.js';
import type { EventSink } from '../events.js';
import { clientAddress, subscriberOf } from '../http/client-address.js';
import { requestFacts } from '../http/request-facts.js';
import { createPrincipal, type OrgMembership, type Principal } from '../principal.js';
import type { CredentialStore, StoredCredential } from '../stores/store.js';
import {
  type ApiKeyFlaw,
  type ApiKeyFormat,
  digestOfKey,
  MAX_KEY_LENGTH,
} from './api-key-format.js';
import { isKey, KEY_KIND, type KeyFacts, readFacts } from './api-key-row.js';
import type { KeyOwner, KeyOwners } from './key-owners.js';
import { createMissLimit } from './miss-limit.js';

export interface KeyVerdictsContext {
  readonly format: ApiKeyFormat;
  readonly credentials: Pick<CredentialStore, 'findByHash' | 'touch'>;
  readonly owners: KeyOwners;
  /** `issuer` of the principals: our own tokens'. */
  readonly issuer: string;
  /** Protection space in challenges. */
  readonly realm: string | undefined;
  /** How long a look at the store may be relied on. */
  readonly lagSeconds: number;
  readonly events: EventSink;
  /** Keeps work that no request waits for. */
  readonly inBackground: (work: Promise<unknown>) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** A request, as far as it tells who sends it. */
interface Sender {
  readonly ip?: unknown;
  readonly socket?: object;
}

/** Judges API keys. */
export interface KeyVerdicts {
  /**
   * Whom a key is of. At once for one that the store was asked of within the lag; `mustAsk` asks all the same. Throws or rejects with
   * INVALID_TOKEN (401), with RATE_LIMITED (429) where too many unknown ones came from, and with STORE_UNAVAILABLE (503).
   */
  readonly read: (
    key: string,
    request: Sender,
    mustAsk?: boolean,
  ) => Principal | Promise<Principal>;
  /** Refuses the key with this digest from now on, a look at the store that is under way included. */
  readonly drop: (digest: string) => void;
}

/** What a look found. */
interface Finding {
  /** The key's, also of one that opens nothing; undefined for a key that there never was. */
  readonly row: Pick<StoredCredential, 'id' | 'ownerId'> | undefined;
  /** Undefined: it opens nothing. */
  readonly principal: Principal | undefined;
}

/** A key that the store knew at the last look. */
interface Verdict {
  readonly id: string;
  readonly principal: Principal;
  /** When the store must be asked again. */
  readonly freshUntil: number;
  /** When its use is written down next. */
  touchAt: number;
}

interface LastKey {
  readonly key: string;
  readonly digest: string;
}

const MAX_VERDICTS = 10_000;
const TOUCH_MS = 60_000;
const MAX_MISSES = 20;
const MISS_WINDOW_MS = 60_000;
/** The last moment that a Date can hold, in seconds: `expiresAt` of a key that has no end. */
const NEVER = 8_640_000_000_000;

/**
 * Creates the judge of API keys. What cannot be a key of ours is refused before the store is asked; what the store doesn't know
 * costs one question, of which each address has a few a minute. A good verdict is relied on for the lag and then taken
 * anew, so that a key that was revoked, or whose owner has lost a right, is refused within it on every instance.
 */
export function createKeyVerdicts(context: KeyVerdictsContext): KeyVerdicts {
  const { format, now } = context;
  const refusals = createRefusals(context.realm);
  const verdicts = createBoundedMap<string, Verdict>(MAX_VERDICTS);
  const dropped = createBoundedMap<string, true>(MAX_VERDICTS);
  const looking = new Map<string, Promise<Principal>>();
  // A digest costs more than all the rest, and most clients send one key on a connection.
  const lastKeys = new WeakMap<object, LastKey>();
  const limited = createKeyLimit(context);

  function digestOf(key: string, { socket }: Sender): string {
    const last = socket && lastKeys.get(socket);
    return last?.key === key ? last.digest : digestOfKey(key);
  }

  /** Looks, and remembers a good verdict. A known key that is refused now is unknown from then on. */
  async function look(key: string, digest: string): Promise<Finding> {
    const askedAt = now();
    const row = await findRow(context, key, digest);
    const verdict = row && (await takeVerdict(context, key, { row, askedAt }));
    if (!verdict || dropped.get(digest)) {
      verdicts.delete(digest);
      return { row, principal: undefined };
    }
    verdicts.set(digest, verdict);
    touch(context, verdict);
    return { row, principal: verdict.principal };
  }

  async function ask(key: string, digest: string, request: Sender): Promise<Principal> {
    const { row, principal } = verdicts.get(digest)
      ? await look(key, digest)
      : await limited(request, () => look(key, digest));
    if (principal) return principal;
    if (!row) throw refusals.unknown;
    throw refusalAbout(refusals.unknown, { subject: row.ownerId, keyId: row.id });
  }

  /** Requests that come while one is asking get its answer. */
  function askOnce(key: string, digest: string, request: Sender): Promise<Principal> {
    const known = looking.get(digest);
    if (known) return known;
    const asked = ask(key, digest, request).finally(() => looking.delete(digest));
    looking.set(digest, asked);
    return asked;
  }

  return Object.freeze({
    read(key: string, request: Sender, mustAsk = false): Principal | Promise<Principal> {
      if (key.length > MAX_KEY_LENGTH) throw refusals.malformed;
      const digest = digestOf(key, request);
      const known = verdicts.get(digest);
      if (known && !mustAsk && now() < known.freshUntil) {
        if (request.socket && lastKeys.get(request.socket)?.digest !== digest)
          lastKeys.set(request.socket, { key, digest });
        touch(context, known);
        return known.principal;
      }
      // After the look-up: a text with the digest of a key is that key.
      const flaw = known ? undefined : format.flawOf(key);
      if (flaw) throw refusals[flaw];
      return mustAsk ? ask(key, digest, request) : askOnce(key, digest, request);
    },
    drop(digest: string): void {
      dropped.set(digest, true);
      verdicts.delete(digest);
    },
  });
}

/** Prebuilt: unknown, revoked and expired keys, and those of owners who are gone, are answered alike. */
function createRefusals(realm: string | undefined): Record<ApiKeyFlaw | 'unknown', AuthError> {
  const invalid = (reason: string): AuthError => reusableError('INVALID_TOKEN', { realm, reason });
  return {
    malformed: invalid('malformed'),
    environment: invalid('environment'),
    checksum: invalid('checksum'),
    unknown: invalid('unknown_key'),
  };
}

type LimitedLook = (request: Sender, look: () => Promise<Finding>) => Promise<Finding>;

/** Limits looks at keys that are not known here, by the address that they come from. */
function createKeyLimit({ events, now }: KeyVerdictsContext): LimitedLook {
  const limited = createMissLimit({
    ...{ max: MAX_MISSES, windowMs: MISS_WINDOW_MS, now },
    refusal: (until) =>
      new AuthError('RATE_LIMITED', { retryAfterSeconds: (until - now()) / 1000, retryAt: until }),
  });
  return async (request, look) => {
    try {
      return await limited(senderOf(request), async () => {
        const found = await look();
        return { isMiss: found.principal === undefined, found };
      });
    } catch (error) {
      if (error instanceof AuthError && error.code === 'RATE_LIMITED')
        events.emit('rate.limited', { limit: 'address', ...requestFacts(request) });
      throw error;
    }
  };
}

/** Express' address, or the connection's where Express has not seen the request. */
function senderOf({ ip, socket = {} }: Sender): string {
  const { remoteAddress }: { readonly remoteAddress?: unknown } = socket;
  return subscriberOf(clientAddress({ ip: ip ?? remoteAddress, socket }) ?? '');
}

/** Writes the use of a key down, once a minute at most. No request waits for it, or fails by it. */
function touch({ credentials, inBackground, now }: KeyVerdictsContext, verdict: Verdict): void {
  const time = now();
  if (time < verdict.touchAt) return;
  verdict.touchAt = time + TOUCH_MS;
  inBackground(credentials.touch(verdict.id, time).catch(() => undefined));
}

/** The row of a key, also of one that has ended: what the store knows by its digest, and by no other. */
async function findRow(
  { format, credentials }: KeyVerdictsContext,
  key: string,
  digest: string,
): Promise<StoredCredential | undefined> {
  const row = await credentials.findByHash(digest);
  return row?.kind === KEY_KIND && isSameId(row.id, format.idOf(key)) ? row : undefined;
}

/** Judges a key by what the store says of it and of its owner now. Undefined: it opens nothing. */
async function takeVerdict(
  context: KeyVerdictsContext,
  key: string,
  { row, askedAt }: { readonly row: StoredCredential; readonly askedAt: number },
): Promise<Verdict | undefined> {
  const { owners, lagSeconds, now } = context;
  const { expiresAt = Infinity } = row;
  if (!isKey(row) || now() >= expiresAt) return undefined;
  const owner = await owners.find(row.ownerId);
  const facts = readFacts(row);
  const orgs = owner && orgsOf(owner, facts);
  if (!orgs) return undefined;
  return {
    id: row.id,
    principal: principalOfKey(context, key, { row, facts, owner, orgs }),
    freshUntil: Math.min(askedAt + lagSeconds * 1000, expiresAt),
    touchAt: (row.lastUsedAt ?? -Infinity) + TOUCH_MS,
  };
}

function isSameId(one: string, other: string): boolean {
  const [bytes, others] = [Buffer.from(one), Buffer.from(other)];
  return bytes.length === others.length && timingSafeEqual(bytes, others);
}

/** Undefined when the owner is no member of the key's organisation any more. */
function orgsOf({ orgs }: KeyOwner, { org }: KeyFacts): readonly OrgMembership[] | undefined {
  if (org === undefined) return orgs;
  const only = orgs.filter(({ id }) => id === org);
  return only.length === 1 ? only : undefined;
}

interface JudgedKey {
  readonly row: StoredCredential;
  readonly facts: KeyFacts;
  readonly owner: KeyOwner;
  readonly orgs: readonly OrgMembership[];
}

function principalOfKey(
  { issuer }: KeyVerdictsContext,
  key: string,
  { row, facts, owner, orgs }: JudgedKey,
): Principal {
  const { id, ownerId, resource, createdAt, expiresAt } = row;
  const { org, scopes } = facts;
  const claims: Readonly<Record<string, unknown>> = Object.freeze(
    Object.assign(Object.create(null), {
      sub: ownerId,
      key_id: id,
      ...(resource !== undefined && { resource }),
      ...(org !== undefined && { org }),
      ...(owner.mustResetPassword && { must_reset_password: true }),
    }),
  );
  const principal = {
    method: 'api_key',
    subject: ownerId,
    user: deepFreeze(owner.user),
    scopes: createReadonlySet(scopes.filter((scope) => owner.scopes.includes(scope))),
    claims,
    issuer,
    clientId: owner.clientId,
    sessionId: undefined,
    issuedAt: Math.floor(createdAt / 1000),
    expiresAt: expiresAt === undefined ? NEVER : Math.floor(expiresAt / 1000),
    authTime: undefined,
    orgs: deepFreeze(orgs),
  } as const;
  return createPrincipal(principal, key);
}
