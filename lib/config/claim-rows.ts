import { readPresetName } from './issuer-reader.js';
import { defaulting, omitted, row, type Table } from './setting-rows.js';
import type { Settings } from './settings.js';
import { readClaimPath } from './values.js';

const claimRow = (variable: string, part: string) =>
  row(`CLAIMS_${variable}`, omitted(readClaimPath), `Claim or dotted path (or several) of ${part}`);

/** What becomes of the claims of the main issuer's tokens. */
export const claims: Table<Settings['claims']> = {
  preset: row(
    'CLAIMS_PRESET',
    defaulting(readPresetName, 'generic'),
    'generic, keycloak, okta, entra, auth0, cognito or google',
  ),
  userId: claimRow('USER_ID', "the user's id"),
  email: claimRow('EMAIL', 'the e-mail address'),
  emailVerified: claimRow('EMAIL_VERIFIED', 'whether that address is verified'),
  username: claimRow('USERNAME', 'the user name'),
  roles: claimRow('ROLES', 'the roles'),
  groups: claimRow('GROUPS', 'the groups'),
  attributes: claimRow('ATTRIBUTES', 'further attributes'),
  scopes: claimRow('SCOPES', 'the scopes'),
  orgs: claimRow('ORGS', 'the organisations'),
};
