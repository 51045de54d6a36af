import { createHash, randomBytes } from 'node:crypto';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { requestFacts } from '../../http/request-facts.js';
import type { CookiePurpose } from '../../http/cookies.js';
import { AuthError } from '../../errors.js';
import { createSealer } from '../../secrets/sealing.js';
import { MAX_SEALED_TOKENS } from '../../sessions/kept-tokens.js';
import { readNotes, writeNotes } from '../../sessions/session-notes.js';
import type { LiveSession, Sessions } from '../../sessions/sessions.js';
import { completeSignIn } from '../complete-sign-in.js';
import type { ProviderSession } from './sign-in.js';
import { type Exchange, readJsonBody } from '../request-body.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';
import { provenKeyOf } from '../proofs.js';
import type { SendTokens } from '../token-response.js';

/** A proven log-in that still has to get its session and tokens. */
interface PendingSession extends ProviderSession {
  readonly userId: string;
}

/** One-time codes: each stands for a proven log-in, works once, for a minute. */
export interface OneTimeCodes {
  /**
   * Makes a code. It takes the verifier of `codeChallenge` to redeem it or, without a challenge, the cookie that this
   * response sets.
   */
  issue(res: Response, pending: PendingSession, codeChallenge: string | undefined): Promise<string>;
  /** Uses a code up. Returns what it stands for. Rejects with LOGIN_FAILED (401). */
  redeem(asked: Exchange, body: ExchangeBody): Promise<Redeemed>;
}

interface Redeemed {
  readonly pending: PendingSession;
  /** Remembers the session of a used code, to end it when the code is presented again. */
  readonly settle: (sessionId: string) => Promise<void>;
}

const LIFE_MS = 60_000;
/** How long a used code is remembered. */
const MEMORY_MS = 600_000;
/** A second request within this time is a client's retry; a later one shows that the code was copied. */
const GRACE_MS = 10_000;
/** In characters: the provider's tokens, sealed once more, and the rest. */
const MAX_LENGTH = MAX_SEALED_TOKENS * 1.5;

interface ExchangeBody {
  readonly code: string;
  /** RFC 7636 §4.1 */
  readonly code_verifier?: string | undefined;
}

export const exchangeSchema: z.ZodType<ExchangeBody> = z.strictObject({
  code: z.string().regex(/^[\w-]{43}$/),
  code_verifier: z
    .string()
    .regex(/^[\w.~-]{43,128}$/)
    .optional(),
});

export function createOneTimeCodes({
  store: { once },
  sessions,
  cookies,
  rootKeys,
  now,
}: RouterParts): OneTimeCodes {
  const pendings = createPendingSealer({ rootKeys, now });

  function bindingOf({ req }: Exchange, { code, code_verifier: verifier }: ExchangeBody) {
    if (verifier !== undefined) return sha256(verifier);
    const purpose = cookieOf(code);
    const bound = cookies.read(req, purpose);
    return bound === undefined ? undefined : sha256(bound);
  }

  /** Ends the session of a code that is presented again: the copy may have been redeemed first. */
  async function judgeReplay(req: Request, key: string): Promise<void> {
    const time = now();
    const used = await once.take(`${key}:used`, time);
    const [sessionId = '', usedAt = ''] = used?.split(' ') ?? [];
    if (used === undefined) return;
    if (time - Number(usedAt) < GRACE_MS)
      await once.add(`${key}:used`, used, { now: time, expiresAt: time + MEMORY_MS });
    else await endReplayed(sessions, req, sessionId);
  }

  return Object.freeze({
    async issue(res: Response, pending: PendingSession, codeChallenge: string | undefined) {
      const code = randomBytes(32).toString('base64url');
      const cookie = randomBytes(32).toString('base64url');
      const sealed = await pendings.seal(pending);
      const time = now();
      await once.add(keyOf(code, codeChallenge ?? sha256(cookie)), sealed, {
        now: time,
        expiresAt: time + LIFE_MS,
      });
      if (codeChallenge === undefined)
        cookies.set(res, cookieOf(code), { value: cookie, maxAgeSeconds: LIFE_MS / 1000 });
      return code;
    },
    async redeem(asked: Exchange, body: ExchangeBody): Promise<Redeemed> {
      const binding = bindingOf(asked, body);
      if (binding === undefined) throw refused('unbound_code');
      const key = keyOf(body.code, binding);
      const sealed = await once.take(key, now());
      // After the code is taken: the browser may try again after an outage.
      if (body.code_verifier === undefined) cookies.clear(asked.res, cookieOf(body.code));
      if (sealed === undefined) {
        await judgeReplay(asked.req, key);
        throw refused('unknown_code');
      }
      const pending = await pendings.open(sealed);
      if (!pending) throw refused('unknown_code');
      const settle = async (sessionId: string): Promise<void> => {
        const time = now();
        const life = { now: time, expiresAt: time + MEMORY_MS };
        await once.add(`${key}:used`, `${sessionId} ${time}`, life);
      };
      return { pending, settle };
    },
  });
}

async function endReplayed(sessions: Sessions, req: Request, id: string): Promise<void> {
  const userId = (await sessions.findById(id))?.userId;
  await sessions.revoke({ id }, 'code_reused', { userId, ...requestFacts(req) });
}

/**
 * Exchanges a one-time code for tokens. Errors: INVALID_REQUEST (400), LOGIN_FAILED (401) for a code that is unknown,
 * expired, used, or bound to another browser or verifier, LOGIN_DENIED (403) for a user who was disabled meanwhile.
 */
export function exchange(
  parts: RouterParts,
  codes: OneTimeCodes,
  sendTokens: SendTokens,
): Endpoint {
  const { users, sessions, events } = parts;

  async function signIn(asked: Exchange, { pending, settle }: Redeemed): Promise<LiveSession> {
    const user = await users.findById(pending.userId);
    if (!user || user.disabled) throw new AuthError('LOGIN_DENIED', { reason: 'user_gone' });
    const notes = { ...pending.notes, keyThumbprint: provenKeyOf(asked.req) };
    const begin = async (): Promise<LiveSession> => {
      const live = await sessions.startAfterSignIn(user, { ...pending, notes });
      await settle(live.session.id);
      return live;
    };
    return completeSignIn(parts, asked, { begin, provider: pending.notes.provider });
  }

  return async function handleExchange(req, res) {
    const body = await readJsonBody({ req, res }, exchangeSchema);
    let userId: string | undefined;
    try {
      const redeemed = await codes.redeem({ req, res }, body);
      ({ userId } = redeemed.pending);
      await sendTokens(res, await signIn({ req, res }, redeemed));
    } catch (error) {
      if (error instanceof AuthError && (error.status === 401 || error.status === 403))
        events.emit('login.failed', {
          reason: error.reason ?? 'code',
          userId,
          ...requestFacts(req),
        });
      throw error;
    }
  };
}

const pendingSchema = z.object({
  userId: z.string(),
  revocationCount: z.string(),
  notes: z.string(),
  provider: z.object({
    issuer: z.string(),
    subject: z.string(),
    sessionId: z.string().optional(),
  }),
});

function createPendingSealer({ rootKeys, now }: Pick<RouterParts, 'rootKeys' | 'now'>) {
  const sealer = createSealer(rootKeys, 'exchange', { now, maxLength: MAX_LENGTH });
  return {
    seal: (pending: PendingSession) =>
      sealer.seal({ ...pending, notes: writeNotes(pending.notes) }, LIFE_MS / 1000),
    async open(sealed: string): Promise<PendingSession | undefined> {
      const { data } = pendingSchema.safeParse(await sealer.open(sealed));
      if (!data) return undefined;
      const { sessionId, ...provider } = data.provider;
      return { ...data, notes: readNotes(data.notes), provider: { ...provider, sessionId } };
    },
  };
}

/** The binding is part of the key: a request with another one finds nothing and uses nothing up. */
function keyOf(code: string, binding: string): string {
  return `exchange:${sha256(`${code}.${binding}`)}`;
}

function cookieOf(code: string): CookiePurpose {
  return `exchange-${sha256(code).slice(0, 16)}`;
}

function refused(reason: string): AuthError {
  return new AuthError('LOGIN_FAILED', { reason });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
