/**
 * Refuses options that do not exist. A misspelt `frameAncestor` or `require` would otherwise have no effect, and the
 * application would run without the protection it asked for.
 */
export function refuseUnknownOptions(
  callee: string,
  options: unknown,
  known: readonly string[],
): void {
  if (typeof options !== 'object' || options === null)
    throw new TypeError(`${callee} takes an options object`);
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const cure = didYouMean(nearestNames(unknown, known)) ?? `it has ${known.join(', ')}`;
  throw new TypeError(`${callee} has no option ${unknown}; ${cure}`);
}

/** The question in a message about an unknown name; undefined without a suggestion. */
export function didYouMean(names: readonly string[]): string | undefined {
  return names.length === 0 ? undefined : `did you mean ${names.join(' or ')}?`;
}

/** What a misspelt name may stand for: the candidate spelt most alike, at most a third of the letters apart; else up to three that have all its words. */
export function nearestNames(name: string, candidates: readonly string[]): readonly string[] {
  const spelling = lettersOf(name);
  const [best] = candidates
    .map((candidate) => ({ candidate, cost: distance(spelling, lettersOf(candidate)) }))
    .toSorted((one, other) => one.cost - other.cost);
  if (best && best.cost <= Math.floor(spelling.length / 3)) return [best.candidate];
  const words = wordsOf(name);
  const longer = candidates.filter((candidate) => {
    const parts = wordsOf(candidate);
    return words.length > 0 && words.every((word) => parts.includes(word));
  });
  return longer.length > 3 ? [] : longer;
}

/** Case and separators are spelling only: `jwtSecret`, `jwt.secret` and `JWT_SECRET` are alike. */
function lettersOf(name: string): string {
  return name.toLowerCase().replace(/[^a-z\d]/g, '');
}

function wordsOf(name: string): readonly string[] {
  const spaced = name.replace(/([a-z\d])([A-Z])/g, '$1 $2').toLowerCase();
  return spaced.split(/[^a-z\d]+/).filter(Boolean);
}

/** How many letters have to be changed, added, removed, or swapped with their neighbour (optimal string alignment). */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let above: number[] = [];
  let costs = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 0; row < from.length; row += 1) {
    before = above;
    above = costs;
    costs = [row + 1];
    for (let column = 0; column < to.length; column += 1) {
      const replaced = (above[column] ?? 0) + Number(from[row] !== to[column]);
      const isSwap = from[row] === to[column - 1] && from[row - 1] === to[column];
      const swapped = isSwap ? (before[column - 1] ?? Infinity) + 1 : Infinity;
      const [added, removed] = [(above[column + 1] ?? 0) + 1, (costs[column] ?? 0) + 1];
      costs.push(Math.min(replaced, swapped, added, removed));
    }
  }
  return costs.at(-1) ?? 0;
}

/** Returns a number within its range, both ends included. Throws a TypeError for anything else, NaN included. */
export function numberInRange(
  value: unknown,
  [min, max]: readonly [number, number],
  name: string,
): number {
  if (typeof value === 'number' && value >= min && value <= max) return value;
  throw new TypeError(`\`${name}\` is a number from ${min} to ${max}`);
}

const warnedOf = new Set<string>();

/** Warns the developer, once per process for each message. The message holds no value that was given. */
export function warnOnce(message: string): void {
  if (warnedOf.has(message)) return;
  warnedOf.add(message);
  process.emitWarning(message, 'LatchkeyWarning');
}

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
  warnOnce(
    `${callee}: the option \`${former}\` is called \`${current}\` now; the former name works until release 1.0`,
  );
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

/** Parts an options object in two: the members of these names, and the others. */
export function partOptions<Options extends object, Name extends keyof Options & string>(
  options: Options,
  names: readonly Name[],
): [named: Pick<Options, Name>, others: Omit<Options, Name>] {
  const isNamed = ([name]: [string, unknown]): boolean => names.some((known) => known === name);
  const entries = Object.entries(options);
  const named = Object.fromEntries(entries.filter(isNamed));
  const others = Object.fromEntries(entries.filter((entry) => !isNamed(entry)));
  // What the type says is what the filters do; the compiler cannot follow it through Object.entries().
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return [named as Pick<Options, Name>, others as Omit<Options, Name>];
}
