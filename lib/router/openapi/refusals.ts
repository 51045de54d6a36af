import type { AuthErrorCode } from '../../errors.js';
import { errorTable } from '../../errors/error-table.js';
import type { CallerRule, Operation } from './operation.js';
import type { JsonObject } from './parts.js';

/** What the document says depends on. */
export interface RefusalFacts {
  readonly method: string;
  /** Whether proofs of DPoP are looked at. */
  readonly dpop: boolean;
  readonly impersonation: boolean;
}

const tokenErrors = ['INVALID_TOKEN', 'TOKEN_EXPIRED', 'TOKEN_REVOKED'] as const;
const proofErrors = ['INVALID_DPOP_PROOF', 'USE_DPOP_NONCE'] as const;

/** Every code that an endpoint answers as `application/problem+json`: its own, and those that follow from who calls and what is sent. */
export function refusalCodes(
  operation: Operation,
  { method, dpop, impersonation }: RefusalFacts,
): readonly AuthErrorCode[] {
  const { caller, query, json, form, isBound, isCrossSite, errors = [], oauthErrors } = operation;
  const isUnsafe = method !== 'GET';
  const judgesCaller = caller !== 'none' && caller !== 'client' && caller !== 'cookie';
  const reads = json ?? (oauthErrors ? undefined : form);
  const codes: readonly (AuthErrorCode | false)[] = [
    ...(judgesCaller ? callerErrors(caller) : []),
    judgesCaller && isUnsafe && impersonation && 'IMPERSONATION_ACTIVE',
    ...(dpop && (judgesCaller || (isBound && json)) ? proofErrors : []),
    ...(reads ? (['INVALID_REQUEST', 'PAYLOAD_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'] as const) : []),
    query !== undefined && 'INVALID_REQUEST',
    isUnsafe && !isCrossSite && 'CROSS_SITE_REQUEST',
    'RATE_LIMITED',
    // Without a caller to look up a GET needs no store, and passes where its limit can't be counted.
    ...(isUnsafe || judgesCaller ? (['SERVER_BUSY', 'STORE_UNAVAILABLE'] as const) : []),
    ...errors,
  ];
  return [...new Set(codes.filter((code) => code !== false))];
}

function callerErrors(caller: CallerRule): readonly AuthErrorCode[] {
  const judged = [...tokenErrors, 'INVALID_REQUEST', 'KEYS_UNAVAILABLE'] as const;
  if (caller === 'optional') return judged;
  return [
    'CREDENTIALS_MISSING',
    ...judged,
    ...(caller === 'newPassword' ? [] : (['PASSWORD_CHANGE_REQUIRED'] as const)),
    ...(typeof caller === 'object' ? (['INSUFFICIENT_SCOPE'] as const) : []),
  ];
}

const UNAVAILABLE = 'Unavailable';

/** Refusals that are the same for many endpoints, as Response Objects by name. */
export const sharedRefusals: Readonly<Record<string, JsonObject>> = Object.fromEntries([
  ...Object.keys(errorTable)
    .filter(isCode)
    .map((code) => [nameOf(code), problemOf([code])] as const),
  [UNAVAILABLE, problemOf(['SERVER_BUSY', 'STORE_UNAVAILABLE', 'KEYS_UNAVAILABLE'])] as const,
]);

/** Describes refusals, by status: by reference to {@link sharedRefusals} where they are among them. */
export function problemResponses(codes: readonly AuthErrorCode[]): Record<string, JsonObject> {
  return byStatus(codes, statusOf, (these, status) => {
    const [code, ...others] = these;
    const shared = status === 503 ? UNAVAILABLE : others.length === 0 && code && nameOf(code);
    return shared ? { $ref: `#/components/responses/${shared}` } : problemOf(these);
  });
}

/** The same in the form of RFC 6749 §5.2, where a wrong proof is 400 (RFC 9449 §5). */
export function oauthResponses(
  codes: readonly AuthErrorCode[],
  { dpop }: Pick<RefusalFacts, 'dpop'>,
): Record<string, JsonObject> {
  const proofs: readonly AuthErrorCode[] = dpop ? proofErrors : [];
  return byStatus(
    [...codes, ...proofs],
    (code) => (proofs.includes(code) ? 400 : statusOf(code)),
    (these) => ({
      description: wordsOf(these),
      content: { 'application/json': { schema: narrowed('OAuthError', these) } },
    }),
  );
}

function problemOf(codes: readonly AuthErrorCode[]): JsonObject {
  const headers = headersOf(codes);
  return {
    description: wordsOf(codes),
    ...(headers && { headers }),
    content: { 'application/problem+json': { schema: narrowed('Problem', codes) } },
  };
}

function byStatus(
  codes: readonly AuthErrorCode[],
  status: (code: AuthErrorCode) => number,
  describe: (codes: readonly AuthErrorCode[], status: number) => JsonObject,
): Record<string, JsonObject> {
  const statuses = [...new Set(codes.map(status))].toSorted((one, other) => one - other);
  return Object.fromEntries(
    statuses.map((each) => [
      String(each),
      describe(
        codes.filter((code) => status(code) === each),
        each,
      ),
    ]),
  );
}

function isCode(text: string): text is AuthErrorCode {
  return text in errorTable;
}

function statusOf(code: AuthErrorCode): number {
  return errorTable[code].status;
}

/** `NOT_FOUND` → `NotFound`. */
function nameOf(code: AuthErrorCode): string {
  return code
    .toLowerCase()
    .replaceAll(/(?:^|_)([a-z])/g, (_all, letter: string) => letter.toUpperCase());
}

function wordsOf(codes: readonly AuthErrorCode[]): string {
  const [code] = codes;
  return code && codes.length === 1
    ? errorTable[code].text
    : codes.map((each) => `\`${each}\``).join(', ');
}

function narrowed(name: 'Problem' | 'OAuthError', codes: readonly AuthErrorCode[]): JsonObject {
  return {
    allOf: [{ $ref: `#/components/schemas/${name}` }, { properties: { code: { enum: codes } } }],
  };
}

function headersOf([code]: readonly AuthErrorCode[]): JsonObject | undefined {
  const status = code && statusOf(code);
  if (status === 401) return { 'WWW-Authenticate': { schema: { type: 'string' } } };
  if (status !== 429 && status !== 503) return undefined;
  return { 'Retry-After': { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } } };
}
