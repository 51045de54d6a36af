import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { ForgedToken } from './forge/forged-token.js';
import { judgeRefusal } from './judge-refusal.js';
import type { JsonObject } from './minter.js';
import type { PlannedAttack } from './planned-attack.js';
import { type RawAnswer, type RawRequest, sendRaw } from './raw-request.js';
import type { TestIssuer } from './test-issuer.js';
import { transportAttacks } from './transport-attacks.js';

export interface AttackTargetOptions {
  /** The issuer that the target trusts. */
  readonly issuer: TestIssuer;
  /** A guarded path that answers GET with 2xx to a valid token. May have a query. @defaultValue `'/'` */
  readonly path?: string;
  /** Claims of the valid tokens, e.g. the scope that the path needs. */
  readonly claims?: JsonObject;
}

/** What to attack: a running server, or an application, which is then served on a free loopback port for each case. */
export type AttackTarget = AttackTargetOptions &
  (
    | { readonly url: string | URL; readonly app?: never }
    | { readonly app: RequestListener; readonly url?: never }
  );

/** One case. Fits `it(attack.name, attack.run)` of vitest, jest and node:test. */
export interface Attack {
  readonly name: string;
  /** Resolves when the target holds; rejects with an Error that says what it did instead. Prints no token. */
  readonly run: () => Promise<void>;
}

// Node itself answers 431 beyond 16 kB of headers; such a request never meets the guard.
const MAX_SENDABLE_BYTES = 15_000;

/**
 * Attacks on a guarded path over HTTP: every forged token of `issuer.forge.all()`, and the ways to send
 * one that a guard must not follow. The first cases are controls, which a server that refuses every request
 * fails. Each forged token must be answered with 401, a Bearer challenge (RFC 6750 §3), and nothing of
 * itself nor of a stack in headers or body. Does not see whether the handler ran in spite of a 401, and
 * makes no outage of the key endpoint.
 *
 * @example
 * for (const attack of await attackCorpus({ app, issuer, path: '/me' })) it(attack.name, attack.run);
 */
export async function attackCorpus(target: AttackTarget): Promise<readonly Attack[]> {
  const { issuer, path = '/', claims } = target;
  const valid = await issuer.mint(claims);
  const forged = await issuer.forge.all();
  const planned = [
    ...transportAttacks({ path, valid }),
    ...forged.filter(isSendable).map((forgery) => tokenAttack(path, forgery)),
  ];
  return planned.map(({ name, request, verdict }) => ({
    name,
    async run() {
      const flaw = verdict(await send(target, request));
      if (flaw !== undefined) throw new Error(`${name}: ${flaw}`);
    },
  }));
}

function tokenAttack(path: string, { title, token }: ForgedToken): PlannedAttack {
  // Node's parser answers 400 to control characters; a guard may answer 400 to what is no credential at all.
  const statuses = /^[\x21-\x7E]+$/.test(token) ? [401] : [400, 401];
  return {
    name: title,
    request: { target: path, headers: [['Authorization', `Bearer ${token}`]] },
    verdict: judgeRefusal({ statuses, secrets: [token, ...token.split('.')] }),
  };
}

/** White space at the ends is the header's, not the token's: HTTP strips it. */
function isSendable({ token }: ForgedToken): boolean {
  return token === token.trim() && Buffer.byteLength(token) <= MAX_SENDABLE_BYTES;
}

async function send(target: AttackTarget, request: RawRequest): Promise<RawAnswer> {
  if (target.url !== undefined) {
    const { origin, pathname } = new URL(target.url);
    return sendRaw(origin, { ...request, target: pathname.replace(/\/$/, '') + request.target });
  }
  const server = createServer(target.app).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  try {
    return await sendRaw(`http://127.0.0.1:${port}`, request);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}
