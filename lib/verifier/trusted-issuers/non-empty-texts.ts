/** Returns the list of an option. Throws a TypeError unless it holds texts, at least one, none of them empty. */
export function nonEmptyTexts(values: readonly string[], name: string): readonly string[] {
  const isFine =
    Array.isArray(values) &&
    values.length > 0 &&
    values.every((value) => typeof value === 'string' && value !== '');
  if (!isFine) throw new TypeError(`\`${name}\` is a list of non-empty texts, at least one`);
  return values;
}
