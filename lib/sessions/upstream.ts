import { setTimeout as wait } from 'node:timers/promises';
import { AuthError } from '../errors.js';
import { refuseUnknownOptions } from '../known-options.js';
import type { Providers } from '../providers/providers.js';
import type { ProviderClient, UpstreamTokens } from '../providers/login-provider.js';
import { createKeptTokens, isFrom, type KeepingContext, type KeptTokens } from './kept-tokens.js';
import type { Sessions } from './sessions.js';
import { readNotes } from './session-notes.js';
import type { OnceStore, Session } from '../stores/store.js';

interface UpstreamContext extends KeepingContext {
  readonly sessions: Sessions;
  readonly once: OnceStore;
  readonly providers: Providers;
}

/** How an access token of a provider is got. */
export interface UpstreamTokenOptions {
  /**
   * Renews the token although it counts as good: the provider's API has refused it. A token that was renewed less than 5 seconds
   * ago is not renewed again, so that requests which were refused together share one renewal. @defaultValue `false`
   */
  readonly force?: boolean;
}

/** The identity providers' own tokens, sealed in the rows of the sessions they belong to. */
export interface Upstream {
  /** Seals the tokens of a sign-in. Tokens that are too long are left out, and reported (`upstream.failed`, `too_large`). */
  seal(tokens: UpstreamTokens, provider: string): Promise<string>;
  /** The ID token of a session, for the provider that it came from; undefined for any other. */
  idTokenFor(client: ProviderClient, session: Session): Promise<string | undefined>;
  /**
   * Returns an access token of the session's provider that is valid for at least 30 seconds, or half its lifetime if that
   * is shorter. A token without a lifetime counts as good for an hour when there is a refresh token, else until `force`.
   * One instance renews it at a time, because a provider that rotates refresh tokens accepts each of them once. The refresh
   * token goes only to the issuer, and from the client, that it was given to. Rejects with TOKEN_REVOKED (401) for a session
   * that has ended, AUTH_CONTEXT_REQUIRED (401) when the user has to sign in at the provider again, PROVIDER_ERROR (502),
   * also for tokens that were too long to be kept, SERVER_BUSY (503) when another instance has not finished within 25
   * seconds, and STORE_UNAVAILABLE (503).
   */
  accessToken(sessionId: string, options?: UpstreamTokenOptions): Promise<string>;
}

/** A token that was renewed later than that is not the one that has been refused. */
const JUST_RENEWED_MS = 5000;
/** Longer than all requests of one renewal may take together. */
const LEASE_MS = 60_000;
/** How long a request waits for the one that holds the lease. */
const PATIENCE_MS = 25_000;
const LOOK_AGAIN_MS = 100;

export function createUpstream(context: UpstreamContext): Upstream {
  const { sessions, now } = context;
  const sealed = createKeptTokens(context);
  const inFlight = new Map<string, Promise<string>>();

  async function look(sessionId: string): Promise<Found> {
    const session = await sessions.findById(sessionId);
    if (!session) throw new AuthError('TOKEN_REVOKED', { reason: 'session' });
    const { upstream, provider = '' } = readNotes(session.data);
    if (upstream === undefined) throw signInAgain('no_upstream');
    const tokens = await sealed.open(upstream);
    if (tokens === 'too_large') throw new AuthError('PROVIDER_ERROR', { reason: 'too_large' });
    if (tokens) return { session, provider, tokens };
    context.events.emit('upstream.failed', { sessionId, provider, reason: 'unreadable' });
    throw signInAgain('no_upstream');
  }

  async function accessToken(sessionId: string, force: boolean): Promise<string> {
    const lease = `upstream:${sessionId}`;
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (performance.now() < giveUpAt) {
      const found = await look(sessionId);
      if (isGood(found.tokens, force, now())) return found.tokens.accessToken;
      if (await context.once.add(lease, '', { now: now(), expiresAt: now() + LEASE_MS }))
        try {
          return await renewOnce(sessionId, force);
        } finally {
          await context.once.del(lease);
        }
      await wait(LOOK_AGAIN_MS);
    }
    throw new AuthError('SERVER_BUSY', { reason: 'upstream_lease' });
  }

  /** Runs under the lease. Looks once more, because its former holder may have renewed the token. */
  async function renewOnce(sessionId: string, force: boolean): Promise<string> {
    const found = await look(sessionId);
    if (isGood(found.tokens, force, now())) return found.tokens.accessToken;
    const renewed = await renew(context, found);
    const facts = { sessionId, provider: found.provider };
    const upstream = await sealed.seal({ ...renewed, renewedAt: now() }, facts);
    const noted = await persist(() =>
      sessions.note(sessionId, (notes) => ({ ...notes, upstream })),
    );
    if (!noted) throw new AuthError('TOKEN_REVOKED', { reason: 'session' });
    return renewed.accessToken;
  }

  return Object.freeze({
    seal: (tokens: UpstreamTokens, provider: string) => sealed.seal(tokens, { provider }),
    idTokenFor: (client: ProviderClient, session: Session) => sealed.idTokenFor(client, session),
    accessToken(sessionId: string, options: UpstreamTokenOptions = {}): Promise<string> {
      refuseUnknownOptions('upstreamToken()', options, ['force']);
      const { force = false } = options;
      const key = `${force}:${sessionId}`;
      const asking =
        inFlight.get(key) ?? accessToken(sessionId, force).finally(() => inFlight.delete(key));
      inFlight.set(key, asking);
      return asking;
    },
  });
}

interface Found {
  readonly session: Session;
  /** Name of the provider. */
  readonly provider: string;
  readonly tokens: KeptTokens;
}

function isGood({ renewAt, renewedAt }: KeptTokens, force: boolean, now: number): boolean {
  if (renewAt !== undefined && now >= renewAt) return false;
  return !force || (renewedAt !== undefined && now < renewedAt + JUST_RENEWED_MS);
}

async function renew(
  { providers, events }: UpstreamContext,
  found: Found,
): Promise<UpstreamTokens> {
  const { session, tokens } = found;
  const facts = { sessionId: session.id, provider: found.provider };
  try {
    const provider = await providers.find(found.provider);
    if (!provider || !session.provider) throw signInAgain('no_provider');
    if (!isFrom(provider.client, found)) throw signInAgain('other_provider');
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
