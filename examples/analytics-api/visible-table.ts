import type { Dataset, Row } from './project.js';
import type { Column, Condition } from './project-schema.js';
import type { SecurityContext } from './security-context.js';

export interface VisibleColumn {
  readonly name: string;
  /** How its values were changed for this caller. */
  readonly mask?: 'email' | 'round' | 'hidden';
}

export interface VisibleTable {
  readonly columns: readonly VisibleColumn[];
  readonly rows: readonly Row[];
}

/** The rows that the caller may see, with the declared columns among `names` only, masked as the project says. */
export function visibleTable(
  { columns, rows: rules, data }: Dataset,
  caller: SecurityContext,
  names: readonly string[] = Object.keys(columns),
): VisibleTable {
  const rule = rules.find((each) => each.for === undefined || fits(each.for, caller));
  const isVisible = rule ? rowFilter(rule.where, caller) : () => false;
  const shown = names.flatMap((name) => {
    const column = columns[name];
    return column === undefined ? [] : [{ name, mask: maskFor(column, caller) }];
  });
  return {
    columns: shown.map(({ name, mask }) => (mask ? { name, mask: mask.mask } : { name })),
    rows: data
      .filter(isVisible)
      .map((row) =>
        Object.fromEntries(shown.map(({ name, mask }) => [name, masked(row[name], mask)])),
      ),
  };
}

export function fits({ roles = [], groups = [] }: Condition, caller: SecurityContext): boolean {
  return (
    roles.some((role) => caller.roles.includes(role)) ||
    groups.some((group) => caller.groups.includes(group))
  );
}

function rowFilter(
  where: 'everything' | Readonly<Record<string, string>>,
  caller: SecurityContext,
): (row: Row) => boolean {
  if (where === 'everything') return () => true;
  const wanted = Object.entries(where).map(
    ([column, fact]) => [column, factOf(fact, caller)] as const,
  );
  return (row) => wanted.every(([column, values]) => values.includes(row[column]));
}

/** Every value that the caller has for it; an attribute may be a list. What the caller lacks fits no row. */
function factOf(fact: string, { user_id: id, attributes }: SecurityContext): readonly unknown[] {
  if (fact === 'user_id') return [id];
  const name = fact.slice('attributes.'.length);
  const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  return [value].flat().filter((each) => each !== undefined && each !== null);
}

type Mask = Exclude<Column, 'clear'>;

function maskFor(column: Column, caller: SecurityContext): Mask | undefined {
  if (column === 'clear' || (column.clearFor && fits(column.clearFor, caller))) return undefined;
  return column;
}

/** A value of a kind that the mask is not made for is hidden. */
function masked(value: unknown, mask: Mask | undefined): unknown {
  if (mask === undefined) return value;
  if (mask.mask === 'email' && typeof value === 'string') return maskEmail(value);
  if (mask.mask === 'round' && typeof value === 'number')
    return Math.round(value / mask.to) * mask.to;
  return null;
}

function maskEmail(address: string): string {
  const [, first, domain] = /^(.).*(@.*)$/su.exec(address) ?? [];
  return first === undefined ? '***' : `${first}***${domain}`;
}
