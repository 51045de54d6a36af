import type { GivenOf } from '../arguments.js';

export const options = {
  store: { type: 'string' },
  username: { type: 'string' },
  email: { type: 'string' },
  role: { type: 'string', multiple: true },
  add: { type: 'string', multiple: true },
  remove: { type: 'string', multiple: true },
  group: { type: 'string', multiple: true },
  org: { type: 'string', multiple: true },
  provider: { type: 'string' },
  'must-reset': { type: 'boolean' },
  'password-stdin': { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

export type Given = GivenOf<typeof options>;
