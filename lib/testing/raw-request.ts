import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';

export interface RawRequest {
  readonly method?: string;
  /** Path and query. */
  readonly target: string;
  /** Sent byte for byte, in this order, repeated names and all. */
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly body?: string;
}

export interface RawAnswer {
  readonly status: number;
  /** Values of the header, one for each line. */
  header(name: string): readonly string[];
  /** Status line, headers and body, as they came. */
  readonly text: string;
  readonly body: string;
}

const TIMEOUT_MS = 5_000;

/**
 * Sends one request over its own connection. `node:http` would refuse some of these headers before they
 * leave; an attacker's client does not.
 */
export function sendRaw(origin: string, request: RawRequest): Promise<RawAnswer> {
  const { protocol, hostname, port, host } = new URL(origin);
  const secure = protocol === 'https:';
  const name = hostname.replace(/^\[|\]$/g, '');
  const address = { host: name, port: Number(port) || (secure ? 443 : 80) };
  // An IP address is no server name (RFC 6066 §3).
  const tls = isIP(name) === 0 ? { ...address, servername: name } : address;
  return new Promise((resolve, reject) => {
    const socket = secure ? connectTls(tls) : connectTcp(address);
    const chunks: Buffer[] = [];
    let failure: Error | undefined;
    socket.setTimeout(TIMEOUT_MS, () =>
      socket.destroy(new Error(`no answer from ${origin} within ${TIMEOUT_MS / 1000} s`)),
    );
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('error', (error) => (failure = error));
    // A server that refuses early may reset the connection behind its answer, so the answer counts first.
    socket.on('close', () => {
      const answer = parseAnswer(Buffer.concat(chunks).toString());
      if (answer) resolve(answer);
      else reject(failure ?? new Error(`${origin} closed the connection without an answer`));
    });
    socket.write(serialize(host, request));
  });
}

function serialize(
  host: string,
  { method = 'GET', target, headers = [], body }: RawRequest,
): string {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: close',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`]),
  ];
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

function parseAnswer(text: string): RawAnswer | undefined {
  const headEnd = text.indexOf('\r\n\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(text)?.[1];
  if (status === undefined || headEnd === -1) return undefined;
  const lines = text.slice(0, headEnd).split('\r\n').slice(1);
  return {
    status: Number(status),
    header: (name) =>
      lines.flatMap((line) => {
        const colon = line.indexOf(':');
        return line.slice(0, colon).toLowerCase() === name.toLowerCase()
          ? [line.slice(colon + 1).trim()]
          : [];
      }),
    text,
    body: text.slice(headEnd + 4),
  };
}
