import { CORS_ORIGIN } from './cors-origin.js';

export interface TrafficRequest {
  readonly bytes: Buffer;
  /** Whether it carries a good token and must be answered 200. */
  readonly isGood: boolean;
}

/** An endless series of ready-made requests to one route. */
export interface Traffic {
  /** `turn` counts the requests of the asking connection. */
  next(turn: number): TrafficRequest;
}

export interface TrafficOptions {
  readonly path: '/off' | '/on';
  /** Good tokens, in rotation over all connections. */
  readonly tokens: readonly string[];
  /** Hostile credentials, in rotation. */
  readonly hostile?: readonly string[];
  /** Every how manieth request of a connection is hostile. @defaultValue `2` */
  readonly hostileEvery?: number;
}

export function createTraffic(options: TrafficOptions): Traffic {
  const { path, tokens, hostile = [], hostileEvery = 2 } = options;
  const nextGood = rotation(tokens, { path, isGood: true });
  if (hostile.length === 0) return { next: nextGood };
  const nextHostile = rotation(hostile, { path, isGood: false });
  return { next: (turn) => (turn % hostileEvery === 0 ? nextHostile() : nextGood()) };
}

function rotation(
  tokens: readonly string[],
  { path, isGood }: { path: string; isGood: boolean },
): () => TrafficRequest {
  const requests = tokens.map((token) => ({ bytes: requestBytes(path, token), isGood }));
  let cursor = 0;
  return () => {
    const request = requests[cursor % requests.length];
    if (!request) throw new TypeError('traffic without a token');
    cursor += 1;
    return request;
  };
}

function requestBytes(path: string, token: string): Buffer {
  const lines = [
    `GET ${path} HTTP/1.1`,
    'Host: api.example',
    'Accept: application/json',
    `Origin: ${CORS_ORIGIN}`,
    `Authorization: Bearer ${token}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
