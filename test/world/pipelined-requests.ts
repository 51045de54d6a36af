import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

/** What is sent. With a body it is a POST of JSON, else a GET. */
export interface PlainRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: object;
}

/**
 * Sends requests by one connection, without waiting for the answers before: thousands cost little more than what the server
 * does for them. Returns the status of each.
 */
export async function sendPipelined(
  origin: string,
  requests: readonly PlainRequest[],
): Promise<readonly number[]> {
  const { hostname, port } = new URL(origin);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  const last = requests.length - 1;
  // Not ended here: a server answers nothing more once its client has.
  socket.write(requests.map((request, at) => written(request, at === last)).join(''));
  const answers = await text(socket);
  return [...answers.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

function written({ path, headers, body }: PlainRequest, isLast: boolean): string {
  const content = body === undefined ? '' : JSON.stringify(body);
  const all = {
    Host: 'localhost',
    ...headers,
    ...(body && { 'Content-Type': 'application/json', 'Content-Length': content.length }),
    ...(isLast && { Connection: 'close' }),
  };
  const fields = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${body ? 'POST' : 'GET'} ${path} HTTP/1.1\r\n${fields.join('')}\r\n${content}`;
}
