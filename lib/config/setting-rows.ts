import { z } from 'zod';

/** One row of the table: how a setting is called, what it means. */
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

const rows = z.registry<Pick<Setting, 'variable' | 'meaning' | 'isSecret'>>();

/** Makes a schema the reader of a setting. A row is found by its schema, so each has one of its own. */
export function row<Read extends z.ZodType>(variable: string, schema: Read, meaning: string): Read {
  rows.add(schema, { variable, meaning, isSecret: false });
  return schema;
}

export function secretRow<Read extends z.ZodType>(
  variable: string,
  schema: Read,
  meaning: string,
): Read {
  rows.add(schema, { variable, meaning, isSecret: true });
  return schema;
}

/** The settings that a schema is made of, in its order. */
export function* settingsIn(
  schema: z.core.$ZodType,
  path: readonly string[] = [],
): Generator<Setting> {
  const found = rows.get(schema);
  if (found) {
    const byDefault = z.safeParse(schema, undefined).data;
    yield Object.freeze({ ...found, path: path.join('.'), default: byDefault });
  } else if (schema instanceof z.ZodRecord) yield* settingsIn(schema.valueType, [...path, '*']);
  else if (schema instanceof z.ZodObject)
    for (const [key, member] of Object.entries<z.core.$ZodType>(schema.shape))
      yield* settingsIn(member, [...path, key]);
}
