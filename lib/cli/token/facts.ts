import type { Explanation, StepName } from '../../verifier/explain.js';
import { durationInWords } from '../../time/in-words.js';

interface FactContext {
  readonly nowSeconds: number;
  /** The names of the issuers that are configured. */
  readonly issuers: readonly string[];
}

/** What a check looked at, in a few words. Values come from the token: make them visible. */
export function factsOf(
  name: StepName,
  { header = {}, claims = {}, policy, isAsked }: Explanation,
  { nowSeconds, issuers }: FactContext,
): string {
  const facts: Partial<Record<StepName, () => string>> = {
    form: () => (isAsked ? 'opaque; its issuer is asked about it' : ''),
    header: () => `alg ${json(header['alg'])}, kid ${json(header['kid'])}`,
    issuer: () => `${json(claims['iss'])}; accepted ${listed(issuers)}`,
    algorithm: () => `${json(header['alg'])}; accepted ${listed(policy?.algorithms)}`,
    type: () => `typ ${json(header['typ'])}; profile ${policy?.profile ?? '?'}`,
    subject: () => json(claims['sub']),
    audience: () =>
      policy?.audience === null
        ? `${json(claims['aud'])}; any is accepted`
        : `${json(claims['aud'])}; accepted ${listed(policy?.audience)}`,
    client: () => (policy?.clientIds ? `accepted ${listed(policy.clientIds)}` : 'any is accepted'),
    claims: () => {
      const wanted = [
        ...(policy?.requiredClaims ?? []),
        ...(policy?.profile === 'rfc9068' ? ['client_id', 'jti', 'iat', 'aud'] : []),
      ];
      return wanted.length === 0 ? 'none is required' : `required ${wanted.join(', ')}`;
    },
    times: () => timesOf(claims, nowSeconds, policy?.clockToleranceSeconds ?? 0),
    key: () => `kid ${json(header['kid'])}`,
    check: () => (policy?.check ? '' : 'none'),
    binding: () => (claims['cnf'] === undefined ? 'a bearer token' : `cnf ${json(claims['cnf'])}`),
  };
  return facts[name]?.() ?? '';
}

/** `exp 5 minutes ago, iat 20 minutes ago; clock tolerance 5 seconds`. */
function timesOf(
  claims: Readonly<Record<string, unknown>>,
  nowSeconds: number,
  toleranceSeconds: number,
): string {
  const times = ['exp', 'nbf', 'iat'].flatMap((name) => {
    const value = claims[name];
    if (value === undefined) return [];
    return [`${name} ${typeof value === 'number' ? when(value - nowSeconds) : json(value)}`];
  });
  return `${times.join(', ')}; clock tolerance ${durationInWords(toleranceSeconds)}`;
}

function when(seconds: number): string {
  if (Math.round(seconds) === 0) return 'now';
  return seconds > 0 ? `in ${durationInWords(seconds)}` : `${durationInWords(seconds)} ago`;
}

function listed(names: Iterable<string> | undefined | null): string {
  return [...(names ?? [])].map((name) => json(name)).join(', ');
}

function json(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value);
}
