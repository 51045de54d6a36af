import { publicUser } from '../../accounts/users.js';
import type { StoredUser } from '../../stores/store.js';
import { tableOf } from '../output/table.js';
import type { Directory } from './directory.js';
import type { Given } from './options.js';

const PAGE = 100;

export async function list({ users, site, print, hint }: Directory, given: Given): Promise<void> {
  let after: string | undefined;
  for (;;) {
    // One page after the other: the next one begins where this one ends.
    // oxlint-disable-next-line no-await-in-loop
    const page = await users.list({ limit: PAGE, ...(after !== undefined && { after }) });
    const isFirst = after === undefined;
    if (given.json) for (const user of page) print(JSON.stringify(publicUser(user)));
    else if (page.length > 0)
      for (const line of tableOf(HEAD, page.map(cellsOf)).slice(isFirst ? 0 : 1)) print(line);
    else if (isFirst)
      print(`no users in ${site}; add one with: ${hint('users add --username <name>')}`);
    after = page.at(-1)?.id;
    if (page.length < PAGE) return;
  }
}

const HEAD = ['ID', 'USERNAME', 'EMAIL', 'ROLES', 'STATE'];

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
