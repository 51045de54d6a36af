import type { ClaimsMapping } from '../claims-mapping.js';
import { auth0 } from './auth0.js';
import { cognito } from './cognito.js';
import { entra } from './entra.js';
import { generic } from './generic.js';
import { google } from './google.js';
import { keycloak } from './keycloak.js';
import { okta } from './okta.js';

/** Identity providers whose claims we know. */
export type PresetName = 'generic' | 'keycloak' | 'okta' | 'entra' | 'auth0' | 'cognito' | 'google';

/** Claims mappings by the name that `claims` and AUTH_CLAIMS_PRESET take. */
export const presets: Readonly<Record<PresetName, ClaimsMapping>> = {
  generic,
  keycloak,
  okta,
  entra,
  auth0,
  cognito,
  google,
};
