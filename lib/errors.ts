import { type Challenge, challengeHeader, DEFAULT_REALM, scopeList } from './errors/challenges.js';
import { type AuthErrorCode, errorTable } from './errors/error-table.js';

export type { AuthErrorCode };

export interface AuthErrorOptions {
  /** Protection space for the challenge (RFC 9110 §11.5). @defaultValue `'api'` */
  readonly realm?: string | undefined;
  /** The whole of what challenges of this guard say, instead of `realm`. @defaultValue a Bearer challenge with `realm` */
  readonly challenge?: Challenge | undefined;
  /** Why, for logs and events; never sent to the client. A short fixed word, never input. */
  readonly reason?: string | undefined;
  /** Replaces the public text. Sent to the client: fixed words only, never input. */
  readonly detail?: string | undefined;
  /** Scopes this operation needs (RFC 6750 §3, `scope`). */
  readonly scopes?: readonly string[] | undefined;
  /** Acceptable authentication contexts (RFC 9470 §3, `acr_values`). */
  readonly acrValues?: readonly string[] | undefined;
  /** Greatest accepted age of the sign-in, in seconds (RFC 9470 §3, `max_age`). */
  readonly maxAgeSeconds?: number | undefined;
  /** For 429 and 503: seconds until a retry makes sense. 503 without it says 5. */
  readonly retryAfterSeconds?: number | undefined;
  /** For 429: when that is, in milliseconds since 1970. */
  readonly retryAt?: number | undefined;
  /** When the token expired, in seconds since 1970. */
  readonly expiredAt?: number | undefined;
  /** What is wrong with which member of the request's body. Fixed words only, never input. */
  readonly errors?: readonly FieldError[] | undefined;
  /** With USE_DPOP_NONCE: the nonce to use (RFC 9449 §8.1, `DPoP-Nonce`). */
  readonly nonce?: string | undefined;
  /** For 405: the methods that the resource knows (RFC 9110 §10.2.1, `Allow`). */
  readonly allow?: readonly string[] | undefined;
  /** Whose genuine credential is refused, for events; no member of the error, and never sent. */
  readonly about?: RefusedCredential | undefined;
  readonly cause?: unknown;
}

/** What may be told of a credential that is genuine, although it is refused. */
export interface RefusedCredential {
  readonly subject: string;
  /** The public part of an API key. */
  readonly keyId?: string | undefined;
}

/**
 * A refusal. Safe to print and to send: it never holds a token, secret, cookie or claim.
 * Express answers it correctly by itself (it honours `status` and `headers`).
 */
export class AuthError extends Error {
  override readonly name = 'AuthError';
  readonly code: AuthErrorCode;
  readonly status: number;
  /** The same as `status`, by the name that http-errors, NestJS and others read. */
  readonly statusCode: number;
  /** Response headers that belong to this answer: `WWW-Authenticate`, `DPoP-Nonce`, `Retry-After`, `Cache-Control`. */
  readonly headers: Readonly<Record<string, string>>;
  /** True: the message may be shown to the client. */
  readonly expose = true;
  /** Why, in one fixed word, for logs; not part of the response. */
  readonly reason: string | undefined;
  /** The body of RFC 9457, before an application reshapes it. */
  readonly problem: Readonly<ProblemDetails>;

  constructor(code: AuthErrorCode, options: AuthErrorOptions = {}) {
    const row = errorTable[code];
    const detail = options.detail ?? row.text;
    const stackTraceLimit = Error.stackTraceLimit;
    // A refusal is an expected answer: its stack has no use, and capturing one is most of its cost.
    if (row.status < 500) Error.stackTraceLimit = 0;
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    given.set(this, options);
    this.code = code;
    this.status = row.status;
    this.statusCode = row.status;
    this.reason = options.reason;
    this.headers = Object.freeze(headersOf(code, options));
    this.problem = Object.freeze(problemOf(code, detail, options));
  }
}

/** What each refusal was made with, to make it again with other challenges. Not a member: it is not to be printed or sent. */
const given = new WeakMap<AuthError, AuthErrorOptions>();

/** Refusals that are built once and thrown for many requests. */
const shared = new WeakSet<AuthError>();

/** Shared refusals by the challenges that they were rebuilt with. */
const rebuilt = new WeakMap<Challenge, WeakMap<AuthError, AuthError>>();

/**
 * What a guard passes on: a refusal of its own or of a room below, with the challenges of this guard. Those of a shared
 * refusal are built once for each.
 */
export function challenged(error: unknown, challenge: Challenge | undefined): unknown {
  if (!challenge || !(error instanceof AuthError)) return error;
  const known = rebuilt.get(challenge)?.get(error);
  if (known) return known;
  const built = new AuthError(error.code, { ...given.get(error), challenge });
  if (!shared.has(error)) return built;
  const errors = rebuilt.get(challenge) ?? new WeakMap<AuthError, AuthError>();
  rebuilt.set(challenge, errors.set(error, share(built)));
  return built;
}

/** A refusal of a genuine credential, which says whose it is. */
export function refusalAbout(error: AuthError, about: RefusedCredential): AuthError {
  return new AuthError(error.code, { ...given.get(error), about });
}

/** Whose genuine credential was refused; undefined where none was, or none is known. */
export function credentialOf(error: AuthError): RefusedCredential | undefined {
  return given.get(error)?.about;
}

/** One thing that is wrong with a request's body, in the form of RFC 9457's example. */
export interface FieldError {
  /** Which member, as a JSON Pointer in a URI fragment (RFC 6901 §6): `#/new_password`; `#` is the whole body. */
  readonly pointer: string;
  /** What is wrong with it. */
  readonly detail: string;
  /** A fixed word, where a program can react to it. */
  readonly code?: string;
}

/** Body of an `application/problem+json` answer (RFC 9457 §3.1) with our extension members. */
export interface ProblemDetails {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: AuthErrorCode;
  /** RFC 6750, RFC 9449 or RFC 9470 error code, where there is one. */
  readonly error?: string;
  /** ISO 8601, with TOKEN_EXPIRED. */
  readonly expired_at?: string;
  /** Space-separated, with INSUFFICIENT_SCOPE. */
  readonly scope?: string;
  readonly acr_values?: string;
  readonly max_age?: number;
  /** With RATE_LIMITED: seconds to wait, as in `Retry-After`. */
  readonly retry_after?: number;
  /** With RATE_LIMITED: until when, ISO 8601. */
  readonly retry_at?: string;
  /** With INVALID_REQUEST and PASSWORD_POLICY. */
  readonly errors?: readonly FieldError[];
}

/** An error that is built once and thrown many times. */
export function reusableError(code: AuthErrorCode, options?: AuthErrorOptions): AuthError {
  return share(new AuthError(code, options));
}

/** Fixes all members, because the error is shared between requests. Not frozen: pino marks each error that it logs, and would throw. */
function share(error: AuthError): AuthError {
  for (const [name, member] of Object.entries(Object.getOwnPropertyDescriptors(error)))
    Object.defineProperty(error, name, {
      configurable: false,
      ...('value' in member && { writable: false }),
    });
  shared.add(error);
  return error;
}

function headersOf(code: AuthErrorCode, options: AuthErrorOptions): Record<string, string> {
  const { status, bearerError, proofError } = errorTable[code];
  const headers: Record<string, string> = { 'Cache-Control': 'no-store' };
  // RFC 9110 §15.5.2 wants a challenge with every 401; the others have one where a bearer token was judged.
  const { challenge, realm } = options;
  if (status === 401 || code === 'INSUFFICIENT_SCOPE' || (bearerError && (challenge ?? realm)))
    headers['WWW-Authenticate'] = challengeHeader(
      {
        ...(challenge ?? {
          realm: realm ?? DEFAULT_REALM,
          schemes: [proofError ? 'DPoP' : 'Bearer'],
        }),
        // Alone, as in RFC 9449 §9: there are clients that look for it in the first challenge only.
        ...(code === 'USE_DPOP_NONCE' && { schemes: ['DPoP'] }),
      },
      { ...options, error: bearerError ?? proofError },
    );
  if (options.nonce !== undefined) headers['DPoP-Nonce'] = options.nonce;
  const retryAfter = options.retryAfterSeconds ?? (status === 503 ? 5 : undefined);
  if (retryAfter !== undefined) headers['Retry-After'] = String(wholeSeconds(retryAfter));
  if (options.allow) headers['Allow'] = options.allow.join(', ');
  return headers;
}

function problemOf(code: AuthErrorCode, detail: string, options: AuthErrorOptions): ProblemDetails {
  const { status, title, bearerError, proofError } = errorTable[code];
  const error = bearerError ?? proofError;
  return {
    type: `urn:problem-type:latchkey:${code.toLowerCase().replaceAll('_', '-')}`,
    title,
    status,
    detail,
    code,
    ...(error && { error }),
    ...(options.expiredAt !== undefined && {
      expired_at: atSecond(options.expiredAt),
    }),
    ...(options.scopes && { scope: scopeList(options.scopes) }),
    ...(options.acrValues && { acr_values: scopeList(options.acrValues) }),
    ...(options.maxAgeSeconds !== undefined && { max_age: options.maxAgeSeconds }),
    ...(code === 'RATE_LIMITED' &&
      options.retryAfterSeconds !== undefined && {
        retry_after: wholeSeconds(options.retryAfterSeconds),
      }),
    ...(options.retryAt !== undefined && { retry_at: new Date(options.retryAt).toISOString() }),
    ...(options.errors && { errors: options.errors }),
  };
}

/** ISO 8601, without a fraction where there is none: some clients read the time by a fixed pattern. */
function atSecond(secondsSince1970: number): string {
  return new Date(secondsSince1970 * 1000).toISOString().replace('.000Z', 'Z');
}

/** RFC 9110 §10.2.3: `Retry-After` has no fractions. */
function wholeSeconds(seconds: number): number {
  return Math.max(1, Math.ceil(seconds));
}
