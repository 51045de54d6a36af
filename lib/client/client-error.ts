/** Why the client could not do what it was asked for. A promise: a code never changes its meaning. */
export type AuthClientErrorCode =
  /** The auth router refused: `status` and `reason` tell how. */
  | 'REFUSED'
  /** The auth router did not answer, or answered with trouble of its own, for as long as `retryForMs` allows. */
  | 'UNAVAILABLE'
  /** `tokenSource` threw, or gave no token. */
  | 'TOKEN_SOURCE_FAILED'
  /** `tokenSource` did not answer within `tokenSourceTimeoutMs`. */
  | 'TOKEN_SOURCE_TIMEOUT';

interface AuthClientErrorFacts {
  readonly status?: number | undefined;
  readonly reason?: string | undefined;
  readonly retryAfter?: number | undefined;
  readonly cause?: unknown;
}

/** A failure of authentication itself. What the API answers is no error: it is the `Response`. Safe to print: holds no token. */
export class AuthClientError extends Error {
  override readonly name: string = 'AuthClientError';
  declare readonly code: AuthClientErrorCode;
  /** HTTP status of the auth router's answer. */
  declare readonly status: number | undefined;
  /** Error code of the auth router, such as `CREDENTIALS_INVALID`. */
  declare readonly reason: string | undefined;
  /** Seconds to wait before the next try, where the server said so. */
  declare readonly retryAfter: number | undefined;

  constructor(code: AuthClientErrorCode, message: string, facts?: AuthClientErrorFacts) {
    // Of which it takes the cause.
    super(message, facts);
    Object.assign(this, facts, { code });
  }
}
