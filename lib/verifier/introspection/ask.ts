import type { RemoteFetchOptions } from '../../http/bounded-fetch.js';
import { fetchReply, KeyFetchError, type Reply } from '../keys/fetch.js';
import { parseJsonObject } from '../tokens/shape.js';
import type { IntrospectionPolicy } from './read-introspection.js';

/** Media type of a signed answer (RFC 9701 §4). */
export const SIGNED_ANSWER_TYPE = 'token-introspection+jwt';

/**
 * Asks an endpoint about a token (RFC 7662 §2.1). Judges no answer. Undefined where the endpoint does not take this
 * token for one (400), which says nothing of the next. Rejects with a KeyFetchError.
 */
export async function askAbout(
  token: string,
  endpoint: string,
  options: RemoteFetchOptions & { readonly introspection: IntrospectionPolicy },
): Promise<Reply | undefined> {
  const { authenticate, timeoutMs, signedResponses } = options.introspection;
  const form = new URLSearchParams({ token, token_type_hint: 'access_token' });
  const headers = {
    ...authenticate(form),
    Accept: `application/${signedResponses ? SIGNED_ANSWER_TYPE : 'json'}`,
    'Content-Type': 'application/x-www-form-urlencoded',
  };
  const request = { method: 'POST', headers, body: form.toString() };
  const statuses = [200, 400, 401, 403];
  const reply = await fetchReply(endpoint, { ...request, statuses }, { ...options, timeoutMs });
  if (reply.status === 200) return reply;
  if (reply.status === 400 && !refusesClient(reply)) return undefined;
  throw new KeyFetchError('credentials', `the endpoint refuses our client (${reply.status})`);
}

/** RFC 6749 §5.2 lets a server refuse a client with 400, too. */
function refusesClient({ text }: Reply): boolean {
  const error = parseJsonObject(text)?.['error'];
  return error === 'invalid_client' || error === 'unauthorized_client';
}
