import type { IncomingMessage } from 'node:http';

/** What a log may say of a request: its address without the query, where links are. For `pinoHttp({ serializers: { req: loggedRequest } })`. */
export function loggedRequest({ method, url = '' }: Pick<IncomingMessage, 'method' | 'url'>) {
  return { method, url: url.split('?', 1)[0] };
}
