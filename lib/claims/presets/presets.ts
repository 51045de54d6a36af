import type { ClaimsMapping } from '../claims-mapping.js';
import { auth0, auth0Login } from './auth0.js';
import { cognito, cognitoLogin } from './cognito.js';
import { entra, entraLogin } from './entra.js';
import { generic } from './generic.js';
import { google, googleLogin } from './google.js';
import { keycloak, keycloakLogin } from './keycloak.js';
import type { LoginHabits } from './login-habits.js';
import { okta, oktaLogin } from './okta.js';

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

/** Log-in habits by preset. */
export const loginHabits: Readonly<Record<Exclude<PresetName, 'generic'>, LoginHabits>> = {
  keycloak: keycloakLogin,
  okta: oktaLogin,
  entra: entraLogin,
  auth0: auth0Login,
  cognito: cognitoLogin,
  google: googleLogin,
};

/** The preset of the provider that an issuer is known to be of, else `generic`. */
export function presetOf(issuer: string): PresetName {
  return presetNames.find((preset) => loginHabits[preset].issuers.test(issuer)) ?? 'generic';
}

const presetNames = [
  'keycloak',
  'okta',
  'entra',
  'auth0',
  'cognito',
  'google',
] as const satisfies readonly PresetName[];

/** A preset's mapping with every path filled in. */
export function mappingOf(preset: PresetName): Required<ClaimsMapping> {
  return { ...generic, ...presets[preset] };
}
