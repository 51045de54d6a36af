import { CORS_ORIGIN } from './cors-origin.js';

export interface TrafficRequest {
  readonly bytes: Buffer;
  /** Whether it carries a good token and must be answered 200. */
  readonly isGood: boolean;
}

/** An endless series of ready-made requests to one route. */
export interface Traffic {
  /** `turn` counts the requests of the asking connection, from `connection`, its place among all, on. */
  next(turn: number, connection: number): TrafficRequest;
}

export interface TrafficOptions {
  readonly path: '/off' | '/on';
  /** Good tokens, in rotation over all connections. */
  readonly tokens: readonly string[];
  /** Whether each connection sends a token of its own again and again instead. @defaultValue `false` */
  readonly sticky?: boolean;
  /** Hostile credentials, in rotation. */
  readonly hostile?: readonly string[];
  /** Every how manieth request of a connection is hostile. @defaultValue `2` */
  readonly hostileEvery?: number;
}

export function createTraffic(options: TrafficOptions): Traffic {
  const { path, tokens, sticky = false, hostile = [], hostileEvery = 2 } = options;
  if (sticky) return ownTokens(tokens, path);
  const nextGood = rotation(tokens, { path, isGood: true });
  if (hostile.length === 0) return { next: nextGood };
  const nextHostile = rotation(hostile, { path, isGood: false });
  return { next: (turn) => (turn % hostileEvery === 0 ? nextHostile() : nextGood()) };
}

function ownTokens(tokens: readonly string[], path: string): Traffic {
  const requests = tokens.map((token) => ({ bytes: requestBytes(path, token), isGood: true }));
  return {
    next(_turn, connection) {
      const request = requests[connection % requests.length];
      if (!request) throw new TypeError('traffic without a token');
      return request;
    },
  };
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
