import { visible } from './visible-text.js';

/** Rows as lines with aligned columns, the names of the columns first. */
export function tableOf(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const all = [head, ...rows.map((row) => row.map(visible))];
  const widths = head.map((_, column) => Math.max(...all.map((row) => lengthOf(row[column]))));
  return all.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - lengthOf(cell)))
      .join('  ')
      .trimEnd(),
  );
}

/** Characters, so that a letter outside the basic plane counts once. */
function lengthOf(text = ''): number {
  return Array.from(text).length;
}
