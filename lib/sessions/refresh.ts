import { AuthError } from '../errors.js';
import type { RequestFacts } from '../events/auth-events.js';
import type { SessionSelector } from '../stores/store.js';
import { createGrace } from './grace.js';
import { actorRefusal, tellImpersonationEnded } from './impersonation.js';
import { judgeWithUser, type PresentedToken } from './judge-token.js';
import { type LiveSession, liveSession, maySignIn, type SessionContext } from './live-session.js';
import { createRefreshAttempts } from './refresh-attempts.js';
import { renew } from './renew-session.js';
import type { Delivery } from './session-notes.js';

/** How a refresh token came. */
export type TokenWay = Omit<PresentedToken, 'token'>;

interface RefreshOptions {
  readonly graceMs: number;
  readonly revoke: (
    selector: SessionSelector,
    reason: string,
    told?: RequestFacts & { readonly userId: string },
  ) => Promise<number>;
}

interface Refresh {
  readonly refresh: (
    token: unknown,
    arrivedAt?: number,
    way?: Delivery | TokenWay,
  ) => Promise<LiveSession>;
  readonly recognise: (token: unknown, delivery?: Delivery) => Promise<LiveSession | undefined>;
  readonly close: () => Promise<void>;
}

/** `refresh()` and `recognise()` of `Sessions`. */
export function createRefresh(
  context: SessionContext,
  { graceMs, revoke }: RefreshOptions,
): Refresh {
  const { events, keys } = context;
  const grace = createGrace(context, graceMs);
  const attempts = createRefreshAttempts(context);

  return Object.freeze({
    async refresh(
      token: unknown,
      cameAt = context.now(),
      way: Delivery | TokenWay = {},
    ): Promise<LiveSession> {
      grace.begin();
      const arrivedAt = attempts.arrivalOf(token, cameAt);
      try {
        const live = await renewOrRefuse({ token, ...wayOf(way) }, arrivedAt);
        attempts.answered(token);
        return live;
      } catch (error) {
        if (error instanceof AuthError && error.status === 503)
          attempts.unanswered(token, arrivedAt);
        else attempts.answered(token);
        throw error;
      }
    },
    async recognise(token: unknown, delivery?: Delivery): Promise<LiveSession | undefined> {
      grace.begin();
      const arrivedAt = attempts.arrivalOf(token, context.now());
      const verdict = await judgeWithUser(context, { token, delivery });
      if ('refusal' in verdict || !maySignIn(verdict.user)) return undefined;
      if (!grace.isWithin(verdict, arrivedAt)) return undefined;
      if ((await actorRefusal(context, verdict.session, verdict.user)) !== undefined)
        return undefined;
      return liveSession(verdict.session, verdict.user, keys);
    },
    close: grace.close,
  });

  async function renewOrRefuse(presented: PresentedToken, arrivedAt: number): Promise<LiveSession> {
    const renewal = await renew(context, presented, (former) =>
      grace.asksWithin(former, arrivedAt),
    );
    if ('live' in renewal) return renewal.live;
    const { refusal, ending } = renewal;
    if (ending === undefined) throw invalid(refusal);
    const { requestId, ip } = presented.request ?? {};
    const told = { userId: ending.userId, requestId, ip };
    const ended = await revoke({ id: ending.id }, refusal, told);
    if (ended > 0) tellImpersonationEnded(events, ending, refusal);
    if (refusal !== 'refresh_reused') throw invalid(refusal);
    if (ended > 0) events.emit('refresh.reused', { sessionId: ending.id, ...told });
    throw new AuthError('REFRESH_REUSED');
  }
}

function wayOf(way: Delivery | TokenWay): TokenWay {
  return typeof way === 'string' ? { delivery: way } : way;
}

function invalid(reason: string): AuthError {
  return new AuthError('REFRESH_INVALID', { reason });
}
