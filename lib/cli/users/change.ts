import { endKeysOf } from '../../accounts/api-keys.js';
import { unlink } from '../../accounts/identities.js';
import type { StoredUser } from '../../stores/store.js';
import { UsageError } from '../usage-error.js';
import { type Directory, endSessions, find, nameOf, tell, tellUnlinked } from './directory.js';
import type { Given } from './options.js';

export async function changeRoles(
  directory: Directory,
  given: Given,
  login: string,
): Promise<void> {
  const { users, print } = directory;
  const { add: added = [], remove: removed = [] } = given;
  const both = added.find((role) => removed.includes(role));
  if (both !== undefined)
    throw new UsageError(`users roles cannot both --add and --remove ${both}`);
  const before = await find(directory, login);
  const absent = removed.find((role) => !before.roles.includes(role));
  if (absent !== undefined)
    throw new Error(`${nameOf(before)} has no role ${JSON.stringify(absent)}; ${rolesOf(before)}`);
  if (added.length + removed.length === 0) return print(`${nameOf(before)}: ${rolesOf(before)}`);
  const user = await users.update(before.id, ({ roles }) => ({
    roles: [...new Set([...roles, ...added])].filter((role) => !removed.includes(role)),
  }));
  tell(directory, user, { change: 'updated', fields: ['roles'] });
  print(`${nameOf(user)}: ${rolesOf(user)}`);
  print('access tokens that were issued before keep the former roles until they expire');
}

function rolesOf({ roles }: StoredUser): string {
  return roles.length > 0 ? `roles ${roles.join(', ')}` : 'no roles';
}

export async function disable(directory: Directory, _given: Given, login: string): Promise<void> {
  const user = await find(directory, login);
  await directory.users.update(user.id, { disabled: true });
  const ended = await endSessions(directory, user, 'user_disabled');
  tell(directory, user, { change: 'disabled', fields: ['disabled'] });
  directory.print(`disabled ${nameOf(user)}; ${ended}`);
}

export async function enable(directory: Directory, _given: Given, login: string): Promise<void> {
  const { users, print } = directory;
  const user = await find(directory, login);
  if (!user.disabled) return print(`${nameOf(user)} was not disabled`);
  await users.update(user.id, { disabled: false });
  tell(directory, user, { change: 'enabled', fields: ['disabled'] });
  print(`enabled ${nameOf(user)}; sessions that had ended stay ended`);
}

/** Sets a temporary password, and removes every other way to sign in. */
export async function reset(directory: Directory, _given: Given, login: string): Promise<void> {
  const { users, passwords, events, print } = directory;
  const user = await find(directory, login);
  const password = passwords.generatePassword();
  const passwordHash = await passwords.hash(password);
  await users.update(user.id, { passwordHash, mustResetPassword: true });
  // Before the sessions end, and again afterwards: an intruder may have linked an identity or made an API key, or be about to.
  const before = await removeWaysIn(directory, user);
  const ended = await endSessions(directory, user, 'password_admin_reset');
  const after = await removeWaysIn(directory, user);
  tell(directory, user, { change: 'password_reset' });
  events.emit('password.changed', { userId: user.id, reason: 'admin_reset' });
  print(`reset ${nameOf(user)}; ${ended}`);
  const keys = before.keys + after.keys;
  if (keys > 0) print(`ended ${keys} API ${keys === 1 ? 'key' : 'keys'}`);
  for (const { provider } of [...before.links, ...after.links]) print(`removed ${provider}`);
  print(`password ${password}`);
}

async function removeWaysIn(directory: Directory, { id: userId }: StoredUser) {
  const by = 'password';
  const links = await unlink(directory, userId, 'all');
  tellUnlinked(directory, links, { userId, by });
  const keys = await endKeysOf(directory, userId);
  for (const { id: keyId } of keys)
    directory.events.emit('api_key.revoked', { keyId, owner: userId, by });
  return { links, keys: keys.length };
}
