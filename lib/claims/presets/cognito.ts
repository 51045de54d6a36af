import type { ClaimsMapping } from '../claims-mapping.js';
import type { LoginHabits } from './login-habits.js';

/** Amazon Cognito user pools. Access tokens have no `aud`: set `audience: null` and `clientIds`. */
export const cognito: ClaimsMapping = {
  username: ['username', 'cognito:username'],
  roles: 'cognito:groups',
  groups: 'cognito:groups',
};

export const cognitoLogin: LoginHabits = {
  label: 'Amazon Cognito',
  issuers: /^https:\/\/cognito-idp\.[\w-]+\.amazonaws\.com\//,
};
