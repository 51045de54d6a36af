import type { HeldToken } from './held-token.js';
import { initWith } from './init-with.js';
import type { AuthClient } from './options.js';
import { abortable, drop, patiently } from './patience.js';
import { urlBelow } from './relative-url.js';
import { canRepeat } from './can-repeat.js';
import type { Send } from './router-calls.js';
import type { Tokens } from './tokens.js';

interface FetchParts {
  readonly base: URL;
  readonly send: Send;
  readonly forMs: number;
  readonly tokens: Tokens;
  readonly ready: Tokens['ready'];
  readonly org: () => string | undefined;
}

/** Of servers that are down or start again, and of proxies in front of them. */
const isTrouble = (status: number): boolean => status > 501 && status < 505;

export function createAuthorisedFetch(parts: FetchParts): AuthClient['fetch'] {
  const { base, forMs, tokens, ready, org } = parts;
  return async function fetchAsUser(path, init = {}) {
    const url = urlBelow(base, path);
    const { signal, method = 'GET' } = init;
    const request = initWith(init, {
      'X-Org-Id': org(),
      // Missing on pages without https.
      'X-Request-Id': crypto.randomUUID?.(),
    });
    const isSafe = /^(?:get|head)$/i.test(method) && !init.body;
    const send = (token?: HeldToken) =>
      patiently(() => parts.send(url, request, token), {
        forMs: isSafe ? forMs : 0,
        signal,
        isTrouble,
      });
    if (request.headers.has('Authorization')) return send();
    const token = await abortable(ready(), signal);
    const answer = await send(token);
    if (!isRefused(answer, base)) return answer;
    const renewal = tokens.renew(token);
    // A stream is gone. The next call has the new token.
    const next = canRepeat(init) ? await abortable(renewal, signal) : void renewal.catch(() => {});
    if (!next || next.token === token?.token) return answer;
    drop(answer);
    return send(next);
  };
}

/** Whether our server refused the token. Not where a redirect led to another origin, nor where the challenge asks for a newer log-in (RFC 9470) or a DPoP nonce. */
function isRefused({ status, url, headers }: Response, base: URL): boolean {
  if (status !== 401 || new URL(url, base).origin !== base.origin) return false;
  return !/\berror=(?!"?invalid_token)/.test(headers.get('WWW-Authenticate') ?? '');
}
