import type { HeldToken } from './held-token.js';
import { initWith } from './init-with.js';
import type { AuthClient } from './options.js';
import { abortable, drop, patiently } from './patience.js';
import { urlBelow } from './relative-url.js';
import { canRepeat } from './can-repeat.js';
import type { Send } from './router-calls.js';
import type { Tokens } from './tokens.js';

interface FetchParts {
  readonly send: Send;
  readonly forMs: number;
  readonly ready: Tokens['ready'];
  readonly org: () => string | undefined;
}

export function createAuthorisedFetch(
  base: string,
  tokens: Tokens,
  { send: sendOnce, forMs, ready, org }: FetchParts,
): AuthClient['fetch'] {
  return async function fetchAsUser(path, init = {}) {
    const url = urlBelow(base, path);
    const { signal, method = 'GET' } = init;
    const request = initWith(init, {
      'X-Org-Id': org(),
      // Missing on pages without https.
      'X-Request-Id': crypto.randomUUID?.(),
    });
    const isSafe = /^(get|head)$/i.test(method) && !init.body;
    // Of servers that are down or start again, and of proxies in front of them.
    const isTrouble = (status: number): boolean => status > 501 && status < 505;
    const patience = { forMs: isSafe ? forMs : 0, signal };
    const send = (token?: HeldToken) =>
      patiently(() => sendOnce(url, request, token), isTrouble, patience);
    if (request.headers.has('Authorization')) return send();
    const token = await abortable(ready(), signal);
    const answer = await send(token);
    if (!isRefused(answer, base)) return answer;
    const renewal = tokens.renew(token);
    // A stream is gone. The next call has the new token.
    const next = canRepeat(init) ? await abortable(renewal, signal) : void renewal.catch(() => {});
    // Nor as another user than the one who made the request.
    const isOther = (token?.subject ?? next?.subject) !== next?.subject;
    if (!next || isOther || next.token === token?.token) return answer;
    drop(answer);
    return send(next);
  };
}

/** Whether our server refused the token. Not where a redirect led to another origin, nor where the challenge asks for a newer log-in (RFC 9470) or a DPoP nonce. */
function isRefused({ status, url, headers }: Response, base: string): boolean {
  const isOurs = status === 401 && new URL(url, base).origin === new URL(base).origin;
  return isOurs && !/\berror=(?!"?invalid_token)/.test(headers.get('WWW-Authenticate') ?? '');
}
