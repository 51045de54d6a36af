import { list, type Reader, readFlag } from './values.js';

/** A setting: how it is called and what it means. */
export interface Setting {
  /** Name of the environment variable without its prefix. `*` is a provider's name. */
  readonly variable: string;
  /** Where it stands in the config tree. `*` is a provider's name. */
  readonly path: string;
  /** Never printed, neither by errors nor by the config. */
  readonly isSecret: boolean;
  readonly meaning: string;
  readonly default: unknown;
}

/** How a setting is read, and its value when none is given. */
interface Reading<Value> {
  readonly read: Reader<Value>;
  readonly byDefault: Value;
  /** Without a value the member is absent from the tree, not undefined. */
  readonly isOmitted?: boolean;
}

/** One row of the table. */
export interface Row<Value> extends Reading<Value> {
  readonly variable: string;
  readonly isSecret: boolean;
  readonly meaning: string;
}

/** The rows of a tree, each at its place. `each` stands for members that the application names. */
export type Table<Tree> = {
  readonly [Name in keyof Tree]:
    | Row<Tree[Name]>
    | Table<Tree[Name]>
    | { readonly each: Table<Tree[Name][keyof Tree[Name]]> };
};

export function row<Value>(variable: string, reading: Reading<Value>, meaning: string): Row<Value> {
  return Object.freeze({ ...reading, variable, meaning, isSecret: false });
}

export function secretRow<Value>(
  variable: string,
  reading: Reading<Value>,
  meaning: string,
): Row<Value> {
  return Object.freeze({ ...row(variable, reading, meaning), isSecret: true });
}

export function optional<Value>(read: Reader<Value>): Reading<Value | undefined> {
  return { read, byDefault: undefined };
}

export function omitted<Value>(read: Reader<Value>): Reading<Value | undefined> {
  return { read, byDefault: undefined, isOmitted: true };
}

export function defaulting<Value>(read: Reader<Value>, byDefault: Value): Reading<Value> {
  return { read, byDefault };
}

export function listed<Item>(readItem: Reader<Item>): Reading<readonly Item[]> {
  return defaulting<readonly Item[]>(list(readItem), []);
}

export function flag(byDefault: boolean): Reading<boolean> {
  return defaulting(readFlag, byDefault);
}

type Group = Readonly<Record<string, unknown>>;

/** The settings of a table, in its order. */
export function* settingsIn(table: object, path: readonly string[] = []): Generator<Setting> {
  for (const [name, entry] of Object.entries(table)) {
    const steps = [...path, name === 'each' ? '*' : name];
    if (isRow(entry)) {
      const { variable, isSecret, meaning, byDefault } = entry;
      yield Object.freeze({
        variable,
        path: steps.join('.'),
        isSecret,
        meaning,
        default: byDefault,
      });
    } else yield* settingsIn(entry, steps);
  }
}

function isRow(entry: object): entry is Row<unknown> {
  return 'read' in entry && typeof entry.read === 'function';
}

/**
 * Builds a tree of a table: each member is read from the value that `given` has at its path. What cannot be read is
 * handed to `refuse`, and then has its default.
 */
export function readTable<Tree>(table: Table<Tree>, source: ValueSource): Tree {
  // The types of the rows say what the walk builds; the compiler cannot follow it through Object.entries().
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return readGroup(table, source, []) as Tree;
}

export interface ValueSource {
  /** The value given at a path; undefined for none. */
  valueAt(path: string): unknown;
  /** The names that the application gave to members of a group. */
  namesIn(path: string): readonly string[];
  /** Runs a reader; undefined when the value at this path is refused. */
  attempt<Value>(path: string, read: () => Value): Value | undefined;
}

function readGroup(table: object, source: ValueSource, path: readonly string[]): Group {
  const entries: [string, unknown][] = [];
  for (const [name, entry] of Object.entries(table)) {
    const steps = [...path, name];
    if (name === 'each')
      for (const member of source.namesIn(path.join('.')))
        entries.push([member, readGroup(entry, source, [...path, member])]);
    else if (!isRow(entry)) entries.push([name, readGroup(entry, source, steps)]);
    else {
      const value = readRow(entry, source, steps.join('.'));
      if (value !== undefined || !entry.isOmitted) entries.push([name, value]);
    }
  }
  return Object.fromEntries(entries);
}

function readRow({ read, byDefault }: Row<unknown>, source: ValueSource, path: string): unknown {
  const given = source.valueAt(path);
  if (given === undefined) return byDefault;
  return source.attempt(path, () => read(given)) ?? byDefault;
}
