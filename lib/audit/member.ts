import { isRecord } from '../is-record.js';

/** A member of what may be anything. */
export function member(value: unknown, name: PropertyKey): unknown {
  return typeof value === 'function' || isRecord(value) ? Reflect.get(value, name) : undefined;
}

/** What a method answers, of what may not have it. */
export function call(target: unknown, name: string, ...args: readonly unknown[]): unknown {
  const method = member(target, name);
  return typeof method === 'function' ? Reflect.apply(method, target, args) : undefined;
}
