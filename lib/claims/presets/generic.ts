import type { ClaimsMapping } from '../claims-mapping.js';

/** RFC 9068 §2.2 and OpenID Connect Core §5.1 names. What another preset leaves out is read here. */
export const generic: Required<ClaimsMapping> = {
  userId: 'sub',
  email: 'email',
  emailVerified: 'email_verified',
  username: [['preferred_username'], ['username']],
  roles: 'roles',
  groups: 'groups',
  attributes: 'attributes',
  scopes: 'scope',
  orgs: 'orgs',
  clientId: [['client_id'], ['azp']],
  sessionId: 'sid',
};
