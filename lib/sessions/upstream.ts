import { setTimeout as wait } from 'node:timers/promises';
import type { RootKeys } from '../secrets/derived-keys.js';
import { AuthError } from '../errors.js';
import type { EventSink } from '../events.js';
import { isRecord } from '../is-record.js';
import type { Providers } from '../providers/providers.js';
import type { UpstreamTokens } from '../providers/login-provider.js';
import { createSealer } from '../secrets/sealing.js';
import type { Sessions } from './sessions.js';
import { readNotes } from './session-notes.js';
import type { OnceStore, Session } from '../stores/store.js';

interface UpstreamContext {
  readonly sessions: Sessions;
  readonly once: OnceStore;
  readonly providers: Providers;
  readonly keys: RootKeys;
  readonly events: EventSink;
  /** Absolute lifetime of a session, and of its sealed tokens. */
  readonly lifeSeconds: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** The identity providers' own tokens, sealed in the rows of the sessions they belong to. */
export interface Upstream {
  seal(tokens: UpstreamTokens): Promise<string>;
  /** The tokens of a session; undefined without any. */
  tokensOf(session: Session): Promise<UpstreamTokens | undefined>;
  /**
   * Returns an access token of the session's provider that is valid for at least 30 seconds, or half its lifetime if that
   * is shorter. One instance renews it at a time, because a provider that rotates refresh tokens accepts each of them
   * once. Rejects with TOKEN_REVOKED (401) for a session that has ended, AUTH_CONTEXT_REQUIRED (401) when the user has to
   * sign in at the provider again, PROVIDER_ERROR (502), SERVER_BUSY (503) when another instance has not finished within
   * 25 seconds, and STORE_UNAVAILABLE (503).
   */
  accessToken(sessionId: string): Promise<string>;
}

/** Characters. ID tokens and access tokens with many groups are large. */
const MAX_LENGTH = 65_536;
/** Longer than all requests of one renewal may take together. */
const LEASE_MS = 60_000;
/** How long a request waits for the one that holds the lease. */
const PATIENCE_MS = 25_000;
const LOOK_AGAIN_MS = 100;

export function createUpstream(context: UpstreamContext): Upstream {
  const { sessions, keys, now, lifeSeconds } = context;
  const sealer = createSealer(keys, 'upstream tokens', { now, maxLength: MAX_LENGTH });
  const inFlight = new Map<string, Promise<string>>();

  const seal = (tokens: UpstreamTokens): Promise<string> => sealer.seal(tokens, lifeSeconds);

  async function tokensOf(session: Session): Promise<UpstreamTokens | undefined> {
    const { upstream } = readNotes(session.data);
    return upstream === undefined ? undefined : readTokens(await sealer.open(upstream));
  }

  async function look(sessionId: string): Promise<Found> {
    const session = await sessions.findById(sessionId);
    if (!session) throw new AuthError('TOKEN_REVOKED', { reason: 'session' });
    const tokens = await tokensOf(session);
    if (!tokens) throw signInAgain('no_upstream');
    return { session, tokens, isGood: isGood(tokens, now()) };
  }

  async function accessToken(sessionId: string): Promise<string> {
    const lease = `upstream:${sessionId}`;
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (performance.now() < giveUpAt) {
      const found = await look(sessionId);
      if (found.isGood) return found.tokens.accessToken;
      if (await context.once.add(lease, '', { now: now(), expiresAt: now() + LEASE_MS }))
        try {
          return await renewOnce(sessionId);
        } finally {
          await context.once.del(lease);
        }
      await wait(LOOK_AGAIN_MS);
    }
    throw new AuthError('SERVER_BUSY', { reason: 'upstream_lease' });
  }

  /** Runs under the lease. Looks once more, because its former holder may have renewed the token. */
  async function renewOnce(sessionId: string): Promise<string> {
    const found = await look(sessionId);
    if (found.isGood) return found.tokens.accessToken;
    const renewed = await renew(context, found);
    const sealed = await seal(renewed);
    const noted = await persist(() =>
      sessions.note(sessionId, (notes) => ({ ...notes, upstream: sealed })),
    );
    if (!noted) throw new AuthError('TOKEN_REVOKED', { reason: 'session' });
    return renewed.accessToken;
  }

  return Object.freeze({
    seal,
    tokensOf,
    accessToken(sessionId: string): Promise<string> {
      const asking =
        inFlight.get(sessionId) ?? accessToken(sessionId).finally(() => inFlight.delete(sessionId));
      inFlight.set(sessionId, asking);
      return asking;
    },
  });
}

interface Found {
  readonly session: Session;
  readonly tokens: UpstreamTokens;
  readonly isGood: boolean;
}

function isGood({ renewAt }: UpstreamTokens, now: number): boolean {
  return renewAt === undefined || now < renewAt;
}

async function renew(
  { providers, events }: UpstreamContext,
  { session, tokens }: Found,
): Promise<UpstreamTokens> {
  const { provider: name = '' } = readNotes(session.data);
  const provider = await providers.find(name);
  if (!provider || !session.provider) throw signInAgain('no_provider');
  const facts = { sessionId: session.id, provider: name };
  try {
    const renewed = await provider.renew(tokens, session.provider);
    events.emit('upstream.renewed', facts);
    return renewed;
  } catch (error) {
    const reason = error instanceof AuthError ? (error.reason ?? error.code) : 'unknown';
    events.emit('upstream.failed', { ...facts, reason });
    throw error;
  }
}

/** Retries, because the provider has already used up the former refresh token: a short outage must not lose the new one. */
async function persist<Written>(write: () => Promise<Written>): Promise<Written> {
  for (const pauseMs of [100, 400, 1600]) {
    try {
      return await write();
    } catch {
      await wait(pauseMs);
    }
  }
  return write();
}

function signInAgain(reason: string): AuthError {
  return new AuthError('AUTH_CONTEXT_REQUIRED', { reason });
}

function readTokens(value: unknown): UpstreamTokens | undefined {
  if (!isRecord(value) || typeof value['accessToken'] !== 'string') return undefined;
  const { accessToken, renewAt, refreshToken, idToken } = value;
  return {
    accessToken,
    renewAt: typeof renewAt === 'number' ? renewAt : undefined,
    refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
    idToken: typeof idToken === 'string' ? idToken : undefined,
  };
}
