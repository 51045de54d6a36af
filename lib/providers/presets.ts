import type { ClaimsMapping } from '../claims-mapping.js';
import { auth0 } from './auth0.js';
import { cognito } from './cognito.js';
import { entra } from './entra.js';
import { generic } from './generic.js';
import { google } from './google.js';
import { keycloak } from './keycloak.js';
import { okta } from './okta.js';

/** Claims mappings by the name that `claims` and AUTH_CLAIMS_PRESET take. */
export const presets = { generic, keycloak, okta, entra, auth0, cognito, google } satisfies Record<
  string,
  ClaimsMapping
>;

export type PresetName = keyof typeof presets;
