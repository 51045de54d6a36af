import { type PresetName, presetNames } from '../../claims/presets/presets.js';
import type { LoginHabits } from '../login-habits.js';
import { auth0 } from './auth0.js';
import { cognito } from './cognito.js';
import { entra } from './entra.js';
import { google } from './google.js';
import { keycloak } from './keycloak.js';
import { okta } from './okta.js';

/** Login habits of the providers that we know, by preset. */
const habits: Readonly<Record<Exclude<PresetName, 'generic'>, LoginHabits>> = {
  keycloak,
  okta,
  entra,
  auth0,
  cognito,
  google,
};

/** What is known of a preset; nothing of `generic`. */
export function habitsOf(preset: PresetName): LoginHabits | undefined {
  return preset === 'generic' ? undefined : habits[preset];
}

/** The preset of the provider that an issuer is known to be of, else `generic`. */
export function presetOf(issuer: string): PresetName {
  const known = presetNames.find((preset) => habitsOf(preset)?.issuers.test(issuer));
  return known ?? 'generic';
}
