export type PresetName = 'generic' | 'keycloak' | 'okta' | 'entra' | 'auth0' | 'cognito' | 'google';
