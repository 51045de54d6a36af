import { columnWidth, padText } from './text-width.js';
import { visible } from './visible-text.js';

/** Rows as lines with aligned columns, the names of the columns first. */
export function tableOf(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const all = [head, ...rows.map((row) => row.map(visible))];
  const widths = head.map((_, column) => columnWidth(all.map((row) => row[column] ?? '')));
  return all.map((row) =>
    row
      .map((cell, column) => padText(cell, widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
