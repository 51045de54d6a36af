/**
 * Refuses options that nobody reads. A misspelt `frameAncestor` or `require` would otherwise be
 * silent, and the application would run without the protection it asked for.
 */
export function refuseUnknownOptions(
  callee: string,
  options: unknown,
  known: readonly string[],
): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${callee} takes an options object`);
  const unknown = Object.keys(options).filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new TypeError(
      `${callee} has no option ${unknown.join(', ')}; it has ${known.join(', ')}`,
    );
}

/** Passes a number within its range, both ends included. Throws a TypeError for anything else, NaN among it. */
export function numberInRange(
  value: unknown,
  [min, max]: readonly [number, number],
  name: string,
): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw new TypeError(`\`${name}\` is a number from ${min} to ${max}`);
}

/** Without the members that are undefined, which `exactOptionalPropertyTypes` keeps apart from absent ones. */
export function definedOnly<Options extends object>(
  options: Options,
): { [Name in keyof Options]?: Exclude<Options[Name], undefined> } {
  const entries = Object.entries(options).filter(([, value]) => value !== undefined);
  // What the type says is what the filter does; the compiler cannot follow it through Object.entries().
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return Object.fromEntries(entries) as {
    [Name in keyof Options]?: Exclude<Options[Name], undefined>;
  };
}
