import { inspect } from 'node:util';
import { isPlainObject } from './values.js';

const REDACTED = '[redacted]';

/**
 * Freezes a tree deeply, and keeps what is secret out of everything that prints or copies it: shown as
 * `[redacted]`, not enumerable, readable by its name only.
 */
export function redact<Tree>(tree: Tree, isSecret: (path: string) => boolean): Tree {
  redactMembers(tree, { path: [], isSecret });
  return tree;
}

interface Place {
  readonly path: readonly string[];
  readonly isSecret: (path: string) => boolean;
}

function redactMembers(node: unknown, { path, isSecret }: Place): void {
  if (!Array.isArray(node) && !isPlainObject(node)) return;
  const entries = Object.entries<unknown>(node);
  for (const [key, value] of entries) redactMembers(value, { path: [...path, key], isSecret });
  const secrets = entries.filter(
    ([key, value]) => isSecret([...path, key].join('.')) && holds(value),
  );
  // A getter, because `inspect` can be told to print hidden properties, but not what they would answer.
  for (const [key, value] of secrets)
    Object.defineProperty(node, key, { get: () => value, enumerable: false });
  const concealed = /^trustedIssuers\.\d+\.keys$/.test(path.join('.'))
    ? // These stay enumerable, because an issuer's options are checked like those given in code.
      ['secret', 'publicKey', 'jwks'].filter((key) => Object.hasOwn(node, key))
    : secrets.map(([key]) => key);
  if (concealed.length > 0) printAs(node, concealed);
  Object.freeze(node);
}

function holds(value: unknown): boolean {
  return value !== undefined && !(Array.isArray(value) && value.length === 0);
}

function printAs(node: object, concealed: readonly string[]): void {
  const shown = () => ({ ...node, ...Object.fromEntries(concealed.map((key) => [key, REDACTED])) });
  Object.defineProperty(node, 'toJSON', { value: shown });
  Object.defineProperty(node, inspect.custom, { value: shown });
}
