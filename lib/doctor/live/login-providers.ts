import { createEvents } from '../../events.js';
import { trusting } from '../../http/bounded-fetch.js';
import { APPLE } from '../../providers/apple.js';
import { readTenantRule } from '../../providers/entra-tenants.js';
import type { LoginProvider } from '../../providers/login-provider.js';
import { createProviders, permissionOf } from '../../providers/providers.js';
import { PROVIDER_ALGORITHMS } from '../../providers/tokens.js';
import type { Config } from '../../config/config.js';
import type { OidcSettings } from '../../config/settings.js';
import type { Finding } from '../finding.js';
import type { Asking } from './ask.js';
import { judgeClock } from './clock.js';
import { checkKeys, discover } from './metadata.js';
import { warn } from './outcomes.js';
import { judgeMetadata } from './provider-metadata.js';
import type { TriedClient } from './redirect-uri.js';
import type { LiveSubject } from './subject.js';
import { tryLogin } from './try-login.js';

/**
 * Checks every configured login provider: metadata, keys, clock, and whether it knows our client id, secret and redirect URI. Not those of
 * `resolveProvider`, whose names are not known here.
 */
export async function checkLoginProviders(subject: LiveSubject): Promise<readonly Finding[]> {
  const { config, now, providerFetch } = subject;
  const { all } = createProviders(
    config,
    { ...(providerFetch && { providerFetch }) },
    {
      events: createEvents(),
      now,
    },
  );
  const checks = all.map((provider) => checkProvider(subject, provider));
  return [...(await Promise.all(checks)).flat(), ...judgePublicUrl(config, all)];
}

function judgePublicUrl(
  { publicUrl }: Config,
  providers: readonly LoginProvider[],
): readonly Finding[] {
  if (publicUrl !== undefined || providers.length === 0) return [];
  const why = 'providers send users back to a redirect URI at that address, and to no other';
  return [
    warn('live_redirect_uri', {
      says: 'the redirect URIs were not tried: AUTH_PUBLIC_URL is not set',
      why,
      fix: 'set AUTH_PUBLIC_URL to the address that users see',
    }),
  ];
}

interface Ways extends Pick<OidcSettings, 'responseMode' | 'preset' | 'tenants'> {
  readonly isPublic: boolean;
}

const USUAL: Ways = { isPublic: false, responseMode: undefined, preset: undefined, tenants: [] };

function waysOf({ oidc }: Config, { name, client }: LoginProvider): Ways {
  const settings = oidc[name];
  if (settings) return { ...settings, isPublic: settings.clientSecret === undefined };
  return client.issuer === APPLE ? { ...USUAL, responseMode: 'form_post' } : USUAL;
}

/** Such as AUTH_OIDC_CORP_ISSUER. */
function settingOf({ config, origins }: LiveSubject, name: string, setting: string): string {
  return origins.nameOf(config.oidc[name] ? `oidc.${name}.${setting}` : `${name}.${setting}`);
}

async function checkProvider(
  subject: LiveSubject,
  provider: LoginProvider,
): Promise<readonly Finding[]> {
  const { config, now, providerFetch } = subject;
  const { issuer } = provider.client;
  const asking: Asking = {
    ...trusting(permissionOf(config), [issuer]),
    ...(providerFetch && { fetch: providerFetch }),
    now,
  };
  const name = nameOf(provider);
  const client = clientOf(subject, provider);
  // GitHub is no OpenID provider, and its addresses are known.
  if (provider.name === 'github' && !config.oidc['github'])
    return tryLogin({ client, provider, asking }, undefined);
  const ways = waysOf(config, provider);
  const tenants = readTenantRule({ issuer, tenants: ways.tenants });
  const party = {
    ...{ name, issuer },
    setting: settingOf(subject, provider.name, 'issuer'),
    why: NO_LOGIN,
    isNamed: (found: string) => tenants.isNamed(found),
  };
  const { findings, metadata, answer } = await discover(party, asking);
  const tolerance = Math.max(LEAST_TOLERANCE_SECONDS, config.clockToleranceSeconds);
  const clock = answer?.clock ? [judgeClock(name, answer.clock, tolerance)] : [];
  if (!metadata) return [...findings, ...clock];
  const options = { asking, algorithms: PROVIDER_ALGORITHMS };
  const [keys, tried] = await Promise.all([
    checkKeys(party, metadata['jwks_uri'], options),
    tryLogin({ client, provider, asking }, metadata),
  ]);
  return [
    ...findings,
    keys.finding,
    ...clock,
    ...judgeMetadata({ ...ways, name, issuer }, metadata),
    ...tried,
  ];
}

const NO_LOGIN = 'nobody can sign in with it';
/** As log-ins have it. */
const LEAST_TOLERANCE_SECONDS = 60;

function nameOf({ name }: LoginProvider): string {
  return `the login provider "${name}"`;
}

/** Undefined where the address of the application isn't known. */
function clientOf(subject: LiveSubject, provider: LoginProvider): TriedClient | undefined {
  const { config, routerPath } = subject;
  if (config.publicUrl === undefined) return undefined;
  const ending = provider.name === 'default' ? '' : `/${provider.name}`;
  return {
    name: nameOf(provider),
    redirectUri: `${new URL(config.publicUrl).origin}${routerPath}/callback${ending}`,
    settings: `${settingOf(subject, provider.name, 'clientId')} and its secret`,
  };
}
