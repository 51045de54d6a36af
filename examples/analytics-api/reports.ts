import { AuthError } from 'latchkey';
import type { Project, ReportPage } from './project.js';
import type { SecurityContext } from './security-context.js';
import { fits, visibleTable, type VisibleTable } from './visible-table.js';

export interface Report extends VisibleTable {
  readonly title: string;
  /** A sum of what the caller sees: of masked values it says no more than they do. */
  readonly total?: { readonly column: string; readonly value: number | null };
}

/** The pages that the caller may open. */
export function openableReports(
  { pages }: Project,
  caller: SecurityContext,
): readonly { readonly name: string; readonly title: string }[] {
  return [...pages]
    .filter(([, page]) => isOpenTo(page, caller))
    .map(([name, { title }]) => ({ name, title }));
}

/** Throws 404 for a page that is not there, 403 for one that the caller may not open. */
export function openReport({ pages }: Project, name: string, caller: SecurityContext): Report {
  const page = pages.get(name);
  if (!page) throw new AuthError('NOT_FOUND');
  if (!isOpenTo(page, caller)) throw new AuthError('INSUFFICIENT_ROLE');
  const table = visibleTable(page.dataset, caller, page.columns);
  const { title, total } = page;
  if (total === undefined) return { title, ...table };
  return { title, ...table, total: { column: total, value: sum(table, total) } };
}

function isOpenTo(page: ReportPage, caller: SecurityContext): boolean {
  return page.for === undefined || fits(page.for, caller);
}

function sum({ rows }: VisibleTable, column: string): number | null {
  const values = rows.map((row) => row[column]);
  return values.every((value) => typeof value === 'number')
    ? values.reduce((total, value) => total + value, 0)
    : null;
}
