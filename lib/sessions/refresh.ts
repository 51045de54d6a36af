import { AuthError } from '../errors.js';
import type { SessionSelector } from '../stores/store.js';
import { type GenuineToken, judgeWithUser } from './judge-token.js';
import { type LiveSession, liveSession, maySignIn, type SessionContext } from './live-session.js';
import { renew } from './renew-session.js';

interface RefreshOptions {
  readonly graceMs: number;
  readonly revoke: (selector: SessionSelector, reason: string) => Promise<number>;
}

interface Refresh {
  readonly refresh: (token: unknown) => Promise<LiveSession>;
  readonly recognise: (token: unknown) => Promise<LiveSession | undefined>;
}

/** `refresh()` and `recognise()` of `Sessions`. */
export function createRefresh(
  context: SessionContext,
  { graceMs, revoke }: RefreshOptions,
): Refresh {
  const { now, events, keys } = context;

  /**
   * The current token, or the one before it within its grace. The grace is counted to the token's arrival: the time that
   * the store has taken since then is not the client's. A token two generations old is reused, however soon: its
   * successor has been used.
   */
  function isInGraceSince(arrivedAt: number): (token: GenuineToken) => boolean {
    return ({ session: { generation: current, rotatedAt }, generation }) =>
      generation === current || (generation === current - 1 && arrivedAt - rotatedAt <= graceMs);
  }

  return Object.freeze({
    async refresh(token: unknown): Promise<LiveSession> {
      const renewal = await renew(context, token, isInGraceSince(now()));
      if ('live' in renewal) return renewal.live;
      const { refusal, ending } = renewal;
      if (ending === undefined) throw invalid(refusal);
      const ended = await revoke({ id: ending.id }, refusal);
      if (refusal !== 'refresh_reused') throw invalid(refusal);
      if (ended > 0) events.emit('refresh.reused', { userId: ending.userId, sessionId: ending.id });
      throw new AuthError('REFRESH_REUSED');
    },
    async recognise(token: unknown): Promise<LiveSession | undefined> {
      const isInGrace = isInGraceSince(now());
      const verdict = await judgeWithUser(context, token);
      if ('refusal' in verdict || !maySignIn(verdict.user) || !isInGrace(verdict)) return undefined;
      return liveSession(verdict.session, verdict.user, keys);
    },
  });
}

function invalid(reason: string): AuthError {
  return new AuthError('REFRESH_INVALID', { reason });
}
