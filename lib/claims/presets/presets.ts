import type { ClaimsMapping } from '../claims-mapping.js';
import { auth0 } from './auth0.js';
import { cognito } from './cognito.js';
import { entra } from './entra.js';
import { generic } from './generic.js';
import { google } from './google.js';
import { keycloak } from './keycloak.js';
import { okta } from './okta.js';

/** Identity providers whose claims we know. Every other list of them derives from this one. */
export const presetNames = [
  'generic',
  'keycloak',
  'okta',
  'entra',
  'auth0',
  'cognito',
  'google',
] as const;

/** What `claims` and AUTH_CLAIMS_PRESET take. */
export type PresetName = (typeof presetNames)[number];

const presets: Readonly<Record<PresetName, ClaimsMapping>> = {
  generic,
  keycloak,
  okta,
  entra,
  auth0,
  cognito,
  google,
};

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}

/** A preset's mapping with every path filled in. */
export function mappingOf(preset: PresetName): Required<ClaimsMapping> {
  return { ...generic, ...presets[preset] };
}
