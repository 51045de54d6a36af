import { doctor } from './doctor/doctor.js';
import { keys } from './keys/keys.js';
import { routes } from './routes/routes.js';
import { serviceAccounts } from './service-accounts/service-accounts.js';
import { token } from './token/token.js';
import type { Topic } from './topic.js';
import { users } from './users/users.js';

/** Every command, by its first word. */
export const topics: ReadonlyMap<string, Topic> = new Map([
  ['users', users],
  ['service-accounts', serviceAccounts],
  ['keys', keys],
  ['token', token],
  ['doctor', doctor],
  ['routes', routes],
]);
