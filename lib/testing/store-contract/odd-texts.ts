import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

/** Text that some databases cannot keep, or that drivers change on the way. */
export const oddTexts: readonly string[] = [
  '',
  '\0',
  'nul \0 within',
  '\uD800',
  'half \uDC00 within',
  '\u001B[31mred',
  randomBytes(15_000).toString('base64'),
];

/** Writes something, and asserts that it is kept exactly, or refused as a whole. */
export async function assertWhole<Row>(
  write: () => Promise<unknown>,
  read: () => Promise<Row | undefined>,
  expected: Row,
): Promise<void> {
  const isKept = await write().then(
    () => true,
    () => false,
  );
  assert.deepEqual(await read(), isKept ? expected : undefined);
}

/** Spellings that a driver or a database may take for `name`, or for the one that {@link keptNames} has for each. */
export function lookalikes(name: string): readonly string[] {
  return [
    `${name}\0`,
    `${name}\0tail`,
    `\0${name}`,
    `${name}\uD800`,
    `${name}\uDFFF`,
    `${name} `,
    `${name}%`,
    `${name.slice(0, -1)}_`,
    `${name}*`,
  ];
}

/** The name, and what drivers make of half a surrogate pair. */
export function keptNames(name: string): readonly string[] {
  return [name, `${name}\uFFFD`, `${name}?`];
}
