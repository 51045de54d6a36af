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

const warnedOf = new Set<string>();

/**
 * Reads an option that has been renamed, under either name. The former name still works, and warns once per
 * process. Throws a TypeError when both are given. List the former name among the known options as well.
 *
 * @example
 * const atOnce = renamedOption('passwords', options, ['hashesAtOnce', 'maxConcurrentHashes']);
 */
export function renamedOption<
  Options extends object,
  Former extends keyof Options & string,
  Current extends keyof Options & string,
>(
  callee: string,
  options: Options,
  [former, current]: readonly [former: Former, current: Current],
): Options[Former] | Options[Current] {
  if (options[former] === undefined) return options[current];
  if (options[current] !== undefined)
    throw new TypeError(
      `${callee} takes \`${current}\` or its former name \`${former}\`, not both`,
    );
  const name = `${callee} ${former}`;
  if (!warnedOf.has(name)) {
    warnedOf.add(name);
    process.emitWarning(
      `${callee}: the option \`${former}\` is called \`${current}\` now; the former name works until the next minor release`,
      'LatchkeyWarning',
    );
  }
  return options[former];
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
