import { addMissing } from './add-missing.js';
import type { HeldToken } from './held-token.js';
import type { AuthClient } from './options.js';
import { abortable, patiently } from './patience.js';
import { urlBelow } from './relative-url.js';
import { canRepeat } from './can-repeat.js';
import type { Send } from './router-calls.js';
import type { Tokens } from './tokens.js';

interface FetchParts {
  readonly base: URL;
  readonly send: Send;
  readonly forMs: number;
  readonly renew: Tokens['renew'];
  readonly ready: Tokens['ready'];
  readonly org: () => string | undefined;
}

/** Of servers that are down or start again, and of proxies in front of them. */
const isTrouble = (status: number): boolean => status > 501 && status < 505;

export function createAuthorisedFetch(parts: FetchParts): AuthClient['fetch'] {
  const { base, forMs, renew, ready, org } = parts;
  return async function fetchAsUser(path, init = {}) {
    // Before anything is asked for.
    urlBelow(base, path);
    const { signal, method = 'GET' } = init;
    const headers = new Headers(init.headers);
    addMissing(headers, 'X-Org-Id', org());
    // Missing on pages without https.
    addMissing(headers, 'X-Request-Id', crypto.randomUUID?.());
    const isSafe = /^(?:get|head)$/i.test(method) && !init.body;
    const send = (token?: HeldToken) =>
      patiently(() => parts.send(path, { ...init, headers }, token), {
        forMs: isSafe ? forMs : 0,
        signal,
        isTrouble,
      });
    if (headers.has('Authorization')) return send();
    const token = await abortable(ready(), signal);
    const answer = await send(token);
    if (!isRefused(answer, base)) return answer;
    const renewal = renew(token);
    if (!canRepeat(init)) {
      // The next call has the new one.
      renewal.catch(() => {});
      return answer;
    }
    const next = await abortable(renewal, signal);
    if (!next || next.token === token?.token) return answer;
    await answer.body?.cancel();
    return send(next);
  };
}

/** Whether our server refused the token. Not where a redirect led to another origin, nor where the challenge asks for a newer log-in (RFC 9470) or a DPoP nonce. */
function isRefused({ status, url, headers }: Response, base: URL): boolean {
  if (status !== 401 || (url && new URL(url).origin !== base.origin)) return false;
  return !/\berror=(?!"?invalid_token)/.test(headers.get('WWW-Authenticate') ?? '');
}
