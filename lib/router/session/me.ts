import type { OrgStanding } from '../../accounts/org-directory.js';
import { hasToChangePassword } from '../../accounts/temporary-password.js';
import type { OrgMembership, Principal } from '../../principal.js';
import { AuthError } from '../../errors.js';
import { addVary } from '../../http/vary.js';
import { actorOf } from './actor.js';
import type { Callers } from '../caller.js';
import { logoutUrl } from '../provider/logout.js';
import { ownPath } from '../own-urls.js';
import type { Endpoint } from '../respond.js';
import type { RouterParts } from '../parts.js';

/** Sends the principal as JSON, so that pages need not parse a token. */
export function me(parts: RouterParts, callers: Callers): Endpoint {
  const { verifier } = parts;
  return async function handleMe(req, res) {
    const principal = await callers.find(req);
    if (!principal) throw new AuthError('CREDENTIALS_MISSING', { realm: verifier.realm });
    const actor = await actorBehind(parts, principal);
    const described = { ...describe(principal), orgs: await orgsOf(parts, principal) };
    res.json({ ...described, must_reset_password: false, ...(actor && { actor }) });
  };
}

/** Who acts for the caller. Of another issuer's token, or where the session has just ended, no more than the token says. */
async function actorBehind(parts: RouterParts, principal: Principal) {
  const { actor, issuer, sessionId } = principal;
  if (!actor) return undefined;
  const isOurs = issuer === parts.config.jwt.issuer && sessionId !== undefined;
  const row = isOurs ? await parts.sessions.findById(sessionId) : undefined;
  return (row && (await actorOf(parts, row))) ?? { id: actor.subject };
}

function describe(principal: Principal) {
  const { subject, method, user, scopes, issuer, sessionId } = principal;
  return {
    subject,
    method,
    user: describeUser(user),
    scopes: [...scopes],
    issuer,
    session_id: sessionId,
    auth_time: principal.authTime,
    issued_at: principal.issuedAt,
    expires_at: principal.expiresAt,
  };
}

/** Those of today where they are kept here, whatever the token says. */
async function orgsOf({ orgs }: RouterParts, principal: Principal) {
  const directory = orgs?.directory;
  const all: readonly (OrgMembership & Partial<OrgStanding>)[] = directory?.knows(principal)
    ? await directory.standingsOf(principal)
    : principal.orgs;
  return all.map(({ id, name, roles, isDefault }) => ({ id, name, roles, default: isDefault }));
}

/** A user as the API spells it, without what an application's own user table adds. */
function describeUser(user: Principal['user']) {
  const { id, email, emailVerified, username, roles, groups, attributes } = user;
  return { id, email, email_verified: emailVerified, username, roles, groups, attributes };
}

/**
 * Tells whether the caller is signed in, by access token or cookie, and for how long. 200 also without a session, so
 * that a page can ask without an error on its console. `expires_in` is the rest of the credential's life: of the access
 * token, or of the session if it is not used; `refresh_in` is 80 % of that.
 */
export function session(parts: RouterParts, callers: Callers): Endpoint {
  const { config, sessions, cookies, now } = parts;
  return async function handleSession(req, res) {
    addVary(res, 'Authorization');
    addVary(res, 'Cookie');
    const answer = ({ user, expiresIn, mustReset, sessionId, actor }: SessionFacts): void =>
      void res.json({
        authenticated: true,
        user: describeUser(user),
        expires_in: Math.max(0, Math.floor(expiresIn)),
        refresh_in: Math.max(0, Math.floor(expiresIn * 0.8)),
        must_reset_password: mustReset,
        ...(actor && { actor }),
        logout_url:
          sessionId === undefined ? ownPath(req, '/logout') : logoutUrl(parts, req, sessionId),
      });
    // By cookie the answer is about the session as it is now, not about one of its tokens.
    const hasToken = req.headers.authorization !== undefined;
    const principal = hasToken ? await callers.findAny(req) : undefined;
    if (principal) {
      const isOurs = principal.issuer === config.jwt.issuer;
      answer({
        user: principal.user,
        expiresIn: principal.expiresAt - now() / 1000,
        mustReset: principal.claims['must_reset_password'] === true,
        sessionId: isOurs ? principal.sessionId : undefined,
        actor: await actorBehind(parts, principal),
      });
      return;
    }
    const live = await sessions.recognise(cookies.read(req, 'session'), 'cookie');
    if (!live) {
      res.json({ authenticated: false });
      return;
    }
    answer({
      user: live.user,
      expiresIn: (live.session.idleExpiresAt - now()) / 1000,
      mustReset: hasToChangePassword(live.user, config),
      sessionId: live.session.id,
      actor: await actorOf(parts, live.session),
    });
  };
}

interface SessionFacts {
  readonly user: Principal['user'];
  /** Seconds. */
  readonly expiresIn: number;
  readonly mustReset: boolean;
  /** Undefined for another issuer's token: its session is not ours to end. */
  readonly sessionId: string | undefined;
  readonly actor: Awaited<ReturnType<typeof actorBehind>>;
}
