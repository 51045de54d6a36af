import { habitsOf, presetOf } from '../../providers/habits/habits.js';
import { APPLE } from '../../providers/apple.js';
import type { PresetName } from '../../claims/presets/presets.js';
import type { Finding } from '../finding.js';
import type { Metadata } from './metadata.js';
import { fail, pass, warn } from './outcomes.js';

/** How we sign users in at a provider. */
export interface LoginWays {
  readonly name: string;
  readonly issuer: string;
  readonly preset: PresetName | undefined;
  /** Whether we have no secret there. */
  readonly isPublic: boolean;
  readonly responseMode: 'query' | 'form_post' | undefined;
}

/** Judges whether our log-in fits what a provider says of itself (OpenID Connect Discovery 1.0 §3, RFC 8414 §2). */
export function judgeMetadata(ways: LoginWays, metadata: Metadata): readonly Finding[] {
  return [judgePkce(ways, metadata), ...judgeFlow(ways, metadata), judgeLogout(ways, metadata)];
}

/** Take S256, and don't say so in their metadata. */
const SILENT_PRESETS: readonly PresetName[] = ['entra', 'cognito'];

function judgePkce({ name, issuer, preset, isPublic }: LoginWays, metadata: Metadata): Finding {
  const methods = listOf(metadata['code_challenge_methods_supported']);
  const isSilent = SILENT_PRESETS.includes(preset ?? presetOf(issuer)) || issuer === APPLE;
  if (methods?.includes('S256') || (methods === undefined && isSilent))
    return pass('live_pkce', `${name} takes PKCE with S256`);
  const fix =
    'switch PKCE with S256 on for the client there, or ask the provider why its metadata leave it out';
  if (methods !== undefined) {
    const why = 'log-ins send a challenge with S256, which the provider refuses or ignores';
    return fail('live_pkce', { says: `${name} takes PKCE, but not with S256`, why, fix });
  }
  const says = `${name} doesn't say that it takes PKCE`;
  if (isPublic) {
    const why = 'without PKCE, a stolen code is all that a client without a secret has to show';
    return fail('live_pkce', { says, why, fix });
  }
  const why = 'against stolen codes only client secret and nonce are left if it ignores them';
  return warn('live_pkce', { says, why, fix });
}

function judgeFlow(
  { name, isPublic, responseMode }: LoginWays,
  metadata: Metadata,
): readonly Finding[] {
  const findings: Finding[] = [];
  const types = listOf(metadata['response_types_supported']);
  if (types && !types.includes('code'))
    findings.push(
      fail('live_login_flow', {
        says: `${name} has no response type "code"`,
        why: 'log-ins use the authorization code flow, and no other',
        fix: 'switch the authorization code flow on there',
      }),
    );
  const modes = listOf(metadata['response_modes_supported']) ?? ['query', 'fragment'];
  if (responseMode !== undefined && !modes.includes(responseMode))
    findings.push(
      fail('live_login_flow', {
        says: `${name} has no response mode "${responseMode}"`,
        why: 'its answers do not come in the way that the settings ask for',
        fix: 'leave the response mode out of the settings: AUTH_OIDC_…_RESPONSE_MODE',
      }),
    );
  const methods = listOf(metadata['token_endpoint_auth_methods_supported']);
  const ours: readonly unknown[] = ['client_secret_basic', 'client_secret_post'];
  if (!isPublic && methods && !methods.some((method) => ours.includes(method)))
    findings.push(
      fail('live_login_flow', {
        says: `${name} takes neither client_secret_basic nor client_secret_post`,
        why: 'our client secret is sent in one of these two ways',
        fix: 'allow one of them for the client there',
      }),
    );
  return findings;
}

/** Neither is a fault: log-out always ends the session here. */
function judgeLogout({ name, issuer, preset }: LoginWays, metadata: Metadata): Finding {
  const habits = habitsOf(preset ?? presetOf(issuer));
  const hasLogout =
    typeof metadata['end_session_endpoint'] === 'string' ||
    habits?.logout?.withoutMetadata !== undefined;
  return pass(
    'live_provider_logout',
    hasLogout
      ? `log-out can also end the session at ${name}`
      : `${name} has no log-out: users stay signed in there, and log-out ends the session here`,
  );
}

function listOf(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? value : undefined;
}
