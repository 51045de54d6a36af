import type { StoredUser } from '../../stores/store.js';
import { tableOf } from '../output/table.js';

const HEAD = ['ID', 'USERNAME', 'EMAIL', 'ROLES', 'STATE'];

/** Users as lines with aligned columns, the names of the columns first. */
export function userTable(users: readonly StoredUser[]): readonly string[] {
  return tableOf(HEAD, users.map(cellsOf));
}

function cellsOf(user: StoredUser): readonly string[] {
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
  ];
}
