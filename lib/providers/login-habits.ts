import { type PresetName, presetNames } from '../claims/presets/presets.js';

/** What is known of an identity provider beyond its metadata, for signing in with it. */
export interface LoginHabits {
  /** What its button says. */
  readonly label: string;
  /** Recognises its issuers among those that are configured. */
  readonly issuers: RegExp;
  /** Parameters that ask for a refresh token, where a provider doesn't know the scope `offline_access`. */
  readonly offlineParameters?: Readonly<Record<string, string>>;
  /**
   * Whether an address that it calls verified is one whose mails reach the user now. @defaultValue never: many
   * providers let an administrator, or the user, write down any address and call it verified.
   */
  readonly vouchesForEmail?: (claims: Readonly<Record<string, unknown>>) => boolean;
}

/** Login habits of the providers that we know, by preset. */
const loginHabits = {
  keycloak: {
    label: 'Keycloak',
    issuers: /\/realms\/[^/]+$/,
  },
  okta: {
    label: 'Okta',
    issuers: /^https:\/\/[\w-]+\.(?:okta|oktapreview|okta-emea)\.com(?:\/|$)/,
  },
  entra: {
    label: 'Microsoft',
    issuers: /^https:\/\/login\.microsoftonline\.(?:com|us)\//,
  },
  auth0: {
    label: 'Auth0',
    issuers: /^https:\/\/[\w.-]+\.auth0\.com\/$/,
  },
  cognito: {
    label: 'Amazon Cognito',
    issuers: /^https:\/\/cognito-idp\.[\w-]+\.amazonaws\.com\//,
  },
  // Google knows only of mailboxes that it runs itself that the address still belongs to the user.
  google: {
    label: 'Google',
    // It gives a refresh token with a consent only.
    offlineParameters: { access_type: 'offline', prompt: 'consent' },
    issuers: /^https:\/\/accounts\.google\.com$/,
    vouchesForEmail: ({ email, hd }) =>
      typeof hd === 'string' || (typeof email === 'string' && email.endsWith('@gmail.com')),
  },
} satisfies Readonly<Record<Exclude<PresetName, 'generic'>, LoginHabits>>;

/** What is known of a preset; nothing of `generic`. */
export function habitsOf(preset: PresetName): LoginHabits | undefined {
  return preset === 'generic' ? undefined : loginHabits[preset];
}

/** The preset of the provider that an issuer is known to be of, else `generic`. */
export function presetOf(issuer: string): PresetName {
  const known = presetNames.find((preset) => habitsOf(preset)?.issuers.test(issuer));
  return known ?? 'generic';
}
