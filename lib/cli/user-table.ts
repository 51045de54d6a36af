import type { StoredUser } from '../stores/store.js';
import { visible } from './visible-text.js';

const HEAD = ['ID', 'USERNAME', 'EMAIL', 'ROLES', 'STATE'];

/** Users as lines with aligned columns, the names of the columns first. */
export function userTable(users: readonly StoredUser[]): readonly string[] {
  const rows = [HEAD, ...users.map(cellsOf)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => lengthOf(row[column]))));
  return rows.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - lengthOf(cell)))
      .join('  ')
      .trimEnd(),
  );
}

function cellsOf(user: StoredUser): string[] {
  const state = [
    user.disabled ? 'disabled' : '',
    user.mustResetPassword ? 'must reset password' : '',
    user.passwordHash === undefined ? 'no password' : '',
  ].filter((mark) => mark !== '');
  return [
    user.id,
    user.username ?? '-',
    user.email ?? '-',
    user.roles.join(', ') || '-',
    state.join(', '),
  ].map(visible);
}

/** Characters, so that a letter outside the basic plane counts once. */
function lengthOf(text = ''): number {
  return Array.from(text).length;
}
