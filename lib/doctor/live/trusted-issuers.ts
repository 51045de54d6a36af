import { configuredVerifierOptions } from '../../auth/verifier.js';
import { AuthError } from '../../errors.js';
import { trusting } from '../../http/bounded-fetch.js';
import { permissionOf } from '../../providers/providers.js';
import { KeyFetchError } from '../../verifier/keys/fetch.js';
import { isSource } from '../../verifier/trusted-issuers/key-source.js';
import type { IssuerOptions } from '../../verifier/trusted-issuers/options.js';
import { readAlgorithms } from '../../verifier/trusted-issuers/policy.js';
import { createVerifier } from '../../verifier/verifier.js';
import type { Finding } from '../finding.js';
import type { Asking } from './ask.js';
import { judgeClock } from './clock.js';
import { checkKeys, discover, type Discovered, type Party } from './metadata.js';
import { fail, pass } from './outcomes.js';
import type { LiveSubject } from './subject.js';
import { unreached } from './unreached.js';

/**
 * Checks every issuer of the configuration whose tokens are accepted and whose keys, or answers, come over the network. Not those of
 * `resolveIssuer`, whose names are not known here.
 */
export async function checkTrustedIssuers(subject: LiveSubject): Promise<readonly Finding[]> {
  const { issuers } = configuredVerifierOptions(subject.config, subject.now);
  return (await Promise.all(issuers.map((issuer) => checkIssuer(subject, issuer)))).flat();
}

async function checkIssuer(
  subject: LiveSubject,
  options: IssuerOptions,
): Promise<readonly Finding[]> {
  const { config, origins } = subject;
  const { issuer, keys } = options;
  const isMain = issuer === config.jwt.issuer;
  const party: Party = {
    name: `the issuer "${issuer}"`,
    issuer,
    setting: origins.nameOf(isMain ? 'jwt.issuer' : 'trustedIssuers'),
    why: 'its tokens are answered with 503 KEYS_UNAVAILABLE',
    isNamed: (name) => name === issuer,
  };
  if (isSource(keys, 'introspection')) return [await checkIntrospection(subject, options, party)];
  const clockOf = ({ answer }: Pick<Discovered, 'answer'>): readonly Finding[] => {
    const tolerance = options.clockToleranceSeconds ?? config.clockToleranceSeconds;
    return answer?.clock ? [judgeClock(`the issuer "${issuer}"`, answer.clock, tolerance)] : [];
  };
  const algorithms = readAlgorithms(options);
  if (isSource(keys, 'jwksUri')) {
    const asking = askingFor(subject, keys.jwksUri, keys.fetch);
    const published = await checkKeys(party, keys.jwksUri, { asking, algorithms });
    return [published.finding, ...clockOf(published)];
  }
  if (!isSource(keys, 'discovery')) return [];
  const asking = askingFor(subject, issuer, keys.fetch);
  const discovered = await discover(party, asking);
  const { findings, metadata } = discovered;
  if (!metadata) return [...findings, ...clockOf(discovered)];
  const { finding } = await checkKeys(party, metadata['jwks_uri'], { asking, algorithms });
  return [...findings, finding, ...clockOf(discovered)];
}

function askingFor(
  { config, now }: LiveSubject,
  url: string,
  fetch: typeof globalThis.fetch | undefined,
): Asking {
  return { ...trusting(permissionOf(config), [url]), fetch, now };
}

/** Asks about a token that was never issued. Who is asked looks at our client first (RFC 7662 §2.1), and then says that it is not active. */
async function checkIntrospection(
  { config, now }: LiveSubject,
  issuer: IssuerOptions,
  { name, setting, why }: Party,
): Promise<Finding> {
  const { keys } = issuer;
  const prefix = isSource(keys, 'introspection') ? (keys.introspection.tokenPrefix ?? '') : '';
  const verifier = createVerifier({ ...configuredVerifierOptions(config, now), issuers: issuer });
  const refusal: unknown = await verifier
    .verify(`${prefix}made-up-by-latchkey-doctor`)
    .catch((error: unknown) => error);
  if (refusal instanceof AuthError && refusal.code === 'INVALID_TOKEN')
    return pass(
      'live_introspection',
      `${name} answers questions about tokens, and takes our client`,
    );
  const cause = refusal instanceof AuthError ? refusal.cause : undefined;
  if (!(cause instanceof KeyFetchError) || cause.reason === 'network' || cause.reason === 'timeout')
    return unreached('live_introspection', name, { error: cause, why });
  if (cause.reason === 'credentials')
    return fail('live_introspection', {
      says: `${name} refuses our client where tokens are asked about`,
      why,
      fix: `check clientId and clientSecret of \`introspection\` in ${setting}, and that the client may introspect tokens`,
    });
  return fail('live_introspection', {
    says: `${name} doesn't answer questions about tokens as it should: ${cause.message}`,
    why,
    fix: `check \`introspection\` in ${setting}`,
  });
}
