import { isRecord } from '../../is-record.js';

export function codeOf(error: unknown): string | undefined {
  return isRecord(error) && typeof error['code'] === 'string' ? error['code'] : undefined;
}

/**
 * Whether the server at the other end may no longer be the right one: it ends, starts, or has become read-only. After a
 * fail-over behind one address, all older connections lead there.
 */
export function isWrongServer(error: unknown): boolean {
  return ['25006', '57P01', '57P02', '57P03'].includes(codeOf(error) ?? '');
}

/** Whether the connection must not be used again. What is no answer of the server, as a timeout, leaves it in an unknown state. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error);
  const isAnswer =
    code !== undefined && /^[\dA-Z]{5}$/.test(code) && isRecord(error) && 'severity' in error;
  return !isAnswer || code.startsWith('08') || isWrongServer(error);
}

/**
 * Whether a pooler in between gave us another connection than the one on which the statement was prepared, or the tables have
 * changed since. All come before anything is executed.
 */
export function isNotPrepared(error: unknown): boolean {
  return ['26000', '42P05', '0A000'].includes(codeOf(error) ?? '');
}

/** What the deadline in a statement throws; nothing was changed. */
export function isHeldUp(error: unknown): boolean {
  return codeOf(error) === '22012';
}
