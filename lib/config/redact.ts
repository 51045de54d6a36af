import { inspect } from 'node:util';
import { isPlainObject } from './values.js';

const REDACTED = '[redacted]';

/**
 * Freezes a tree deeply, and keeps what is secret out of everything that prints or copies it, `structuredClone()` and
 * spreading included: shown as `[redacted]`, not enumerable, readable by its name only.
 */
export function redact<Tree>(tree: Tree, isSecret: (path: string) => boolean): Tree {
  redactMembers(tree, {
    path: [],
    isSecret: (path) => isSecret(path) || isIssuersKey(path),
  });
  return tree;
}

const ISSUERS_KEYS: readonly string[] = [
  'secret',
  'publicKey',
  'jwks',
  'introspection.clientSecret',
  'introspection.signedResponses.jwks',
];

/** A public key, or a set of them, may turn out to be private ones. */
function isIssuersKey(path: string): boolean {
  const member = path.match(/^trustedIssuers\.\d+\.keys\.(.+)$/)?.[1];
  return member !== undefined && ISSUERS_KEYS.includes(member);
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
  const concealed = secrets.map(([key]) => key);
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
