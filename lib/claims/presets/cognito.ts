import type { ClaimsMapping } from '../claims-mapping.js';

/** Amazon Cognito user pools. Access tokens have no `aud`: set `audience: null` and `clientIds`. */
export const cognito: ClaimsMapping = {
  username: [['username'], ['cognito:username']],
  roles: 'cognito:groups',
  groups: 'cognito:groups',
};
