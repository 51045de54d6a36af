import type { ClaimsMapping } from '../claims-mapping.js';
import { auth0 } from './auth0.js';
import { cognito } from './cognito.js';
import { entra } from './entra.js';
import { generic } from './generic.js';
import { google } from './google.js';
import { keycloak } from './keycloak.js';
import { okta } from './okta.js';

/** Claims mappings by the name that `claims` and AUTH_CLAIMS_PRESET take. A new preset needs a line here, and no other list. */
export const presets = {
  generic,
  keycloak,
  okta,
  entra,
  auth0,
  cognito,
  google,
} satisfies Readonly<Record<string, ClaimsMapping>>;

/** Identity providers whose claims we know. */
export type PresetName = keyof typeof presets;

/** Their names, in the order of the table. */
export const presetNames = Object.freeze(Object.keys(presets).filter(isPresetName));

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(presets, name);
}

/** A preset's mapping with every path filled in. */
export function mappingOf(preset: PresetName): Required<ClaimsMapping> {
  return { ...generic, ...presets[preset] };
}
