import type { Config } from '../../config/config.js';
import { algorithmsOf } from '../../config/key-readers.js';
import type { SignatureAlgorithm } from '../../verifier/trusted-issuers/options.js';
import { isAlgorithm, type NewKey } from './new-key.js';
import type { SavedKey } from './save.js';
import type { Terminal } from '../terminal.js';
import { durationInWords } from '../../time/in-words.js';

/** What is to be replaced. */
interface PresentKey {
  readonly variable: 'AUTH_JWT_SECRET' | 'AUTH_JWT_PRIVATE_KEY' | 'AUTH_SECRET';
  readonly algorithm: SignatureAlgorithm;
  /** How many former ones are still accepted. */
  readonly former: number;
  /** Whether sessions hang on it, and not only access tokens. */
  readonly protectsSessions: boolean;
}

/** Finds what an application signs with, or its root secret. Throws where there is nothing to replace. */
export function presentKey(config: Config, wanted: 'key' | 'secret'): PresentKey {
  const { jwt, secret, secretPrevious } = config;
  const isBorrowed = secret === jwt.secret;
  if (wanted === 'secret') {
    if (secret === undefined || isBorrowed)
      throw new Error(
        'AUTH_SECRET is not set; keys rotate, without --secret, replaces what stands for it',
      );
    const former = secretPrevious.length;
    return { variable: 'AUTH_SECRET', algorithm: 'HS256', former, protectsSessions: true };
  }
  if (jwt.privateKey !== undefined) return presentPrivateKey(jwt.privateKey, jwt);
  if (jwt.secret === undefined)
    throw new Error(
      jwt.jwksUrl === undefined && jwt.publicKey === undefined
        ? 'there is no key to replace: set AUTH_JWT_PRIVATE_KEY or AUTH_JWT_SECRET as the application has it'
        : 'this application only verifies tokens: their issuer replaces its keys',
    );
  return {
    variable: 'AUTH_JWT_SECRET',
    algorithm: jwt.algorithm ?? 'HS256',
    former: jwt.secretPrevious.length,
    protectsSessions: isBorrowed,
  };
}

function presentPrivateKey(
  text: string,
  { algorithm, privateKeyPrevious }: Config['jwt'],
): PresentKey {
  const usual = algorithmsOf(text).find(isAlgorithm);
  return {
    variable: 'AUTH_JWT_PRIVATE_KEY',
    algorithm: algorithm ?? usual ?? 'ES256',
    former: privateKeyPrevious.length,
    protectsSessions: false,
  };
}

interface RotationContext {
  readonly key: NewKey;
  readonly saved: SavedKey | undefined;
  readonly config: Config;
  readonly env: Terminal['env'];
}

/** How long verifiers keep a key set, unless `cacheSeconds` or their own makers say otherwise. */
const KEY_SET_SECONDS = 600;

/** The steps from the present key to the new one, during which both work, a line each. No step holds a secret. */
export function rotationOf(
  { variable, former, protectsSessions }: PresentKey,
  { key, saved, config, env }: RotationContext,
): readonly string[] {
  const { accessTtlSeconds, clockToleranceSeconds, refreshTtlSeconds } = config;
  const previous = `${variable}_PREVIOUS`;
  const fresh = saved ? `the new one, ${saved.files[0]}` : 'the new one, above';
  const others = former === 0 ? '' : `, and the ${former} that it holds now`;
  const name = (each: string) => (env[`${each}_FILE`] === undefined ? each : `${each}_FILE`);
  const settings = (current: string, past: string) => [
    `     ${name(variable).padEnd(name(previous).length)}  ${current}`,
    `     ${name(previous)}  ${past}`,
  ];
  const life = protectsSessions
    ? `${durationInWords(refreshTtlSeconds)} (AUTH_REFRESH_TTL): sessions hang on it as well`
    : `${durationInWords(accessTtlSeconds + clockToleranceSeconds)} (AUTH_ACCESS_TTL and AUTH_CLOCK_TOLERANCE): so long do tokens of the former one live`;
  return [
    `The next ${variable}${key.kid === undefined ? '' : `, ${key.algorithm}, kid ${key.kid}`}. Both work until step 3; nobody is signed out.`,
    '',
    '1. On every instance, so that each of them accepts the new one before any uses it:',
    ...settings('as it is', `${fresh}${others}`),
    key.publicJwk
      ? `   When the last instance has it, wait ${durationInWords(KEY_SET_SECONDS)}, or as long as other services cache our /jwks.json.`
      : '   Wait until the last instance has it, and whatever else verifies with it.',
    '',
    '2. On every instance:',
    ...settings(fresh, `the one that ${name(variable)} held until now${others}`),
    `   When the last instance has it, wait ${life}.`,
    '',
    `3. Take the former one out of ${name(previous)} on every instance, and destroy it.`,
  ];
}
