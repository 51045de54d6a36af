import { isLikeApiKey } from '../accounts/api-key-format.js';
import { isLikeClientSecret } from '../accounts/client-secrets.js';
import type { Config } from '../config/config.js';
import type { Events } from '../events.js';
import { isRecord } from '../is-record.js';
import { definedOnly } from '../known-options.js';
import { parseRefreshToken } from '../sessions/refresh-token.js';
import { createAccessTokenSigner } from '../issuing/access-token-signer.js';
import type { SignIn } from '../sign-in.js';
import type { VerifierOptions } from '../verifier/options.js';
import type { RevocationHook } from '../verifier/tokens/revocation.js';
import { readIssuerNames } from '../verifier/trusted-issuers/issuer-names.js';
import type { IssuerOptions, KeySource } from '../verifier/trusted-issuers/options.js';
import type { IssuerResolver } from '../verifier/trusted-issuers/resolved-issuers.js';
import { createVerifier, type Verifier } from '../verifier/verifier.js';

interface VerifierSurroundings {
  readonly signIn: SignIn | undefined;
  readonly furtherIssuers: readonly IssuerOptions[];
  readonly events: Events;
  readonly now: () => number;
  /** What the tokens' `aud` must name instead of what the policies say. @defaultValue each policy's `audience` */
  readonly audience?: readonly string[];
}

/** What the application says of its verifier in code. */
type OwnVerifierOptions = Pick<
  VerifierOptions,
  'resolveIssuer' | 'isRevoked' | 'tokenCache' | 'maxTokenLength' | 'realm'
>;

/** The verifier of an application: its own tokens, those of the main issuer, and those of further ones. */
export function applicationVerifier(
  config: Config,
  own: OwnVerifierOptions,
  { signIn, furtherIssuers, events, now, audience }: VerifierSurroundings,
): Verifier {
  const { tokenCache, maxTokenLength, realm } = own;
  const resolveIssuer = resolverFor(own.resolveIssuer, audience);
  const issuers = allIssuers(config, { signIn, furtherIssuers });
  if (issuers.length === 0 && !resolveIssuer)
    throw new TypeError(
      "createAuth() has no issuer: set AUTH_JWKS_URL and AUTH_JWT_ISSUER (an identity provider's tokens), AUTH_JWT_SECRET and AUTH_PUBLIC_URL (our own), or AUTH_TRUSTED_ISSUERS",
    );
  const options = {
    ...definedOnly({ resolveIssuer, tokenCache, maxTokenLength, realm }),
    ...definedOnly({ isRevoked: joinRevocation(own.isRevoked, config, signIn) }),
    issuers: issuers.map((issuer) => ({ ...issuer, ...definedOnly({ audience }) })),
    ...allowedHosts(config),
    clockToleranceSeconds: config.clockToleranceSeconds,
    events,
    now,
  };
  return createVerifier(options, signIn ? { isOwnSecret } : {});
}

/** The options of an application's verifier as far as the environment says them, without what an application adds in code. */
export function configuredVerifierOptions(
  config: Config,
  now: () => number,
): VerifierOptions & { readonly issuers: readonly IssuerOptions[] } {
  const { secret, privateKey } = config.jwt;
  const isOurs = secret !== undefined || privateKey !== undefined;
  const signIn = isOurs ? { signer: createAccessTokenSigner(config, { now }) } : undefined;
  return {
    issuers: allIssuers(config, { signIn, furtherIssuers: [] }),
    ...allowedHosts(config),
    clockToleranceSeconds: config.clockToleranceSeconds,
    now,
  };
}

/** Whether a text looks like an API key, a secret of a service account or a refresh token of ours. */
export function isOwnSecret(text: string): boolean {
  return isLikeApiKey(text) || isLikeClientSecret(text) || parseRefreshToken(text) !== undefined;
}

/** Where keys and metadata may be fetched. */
function allowedHosts({ production, jwksAllowHttp, internalHosts }: Config) {
  return {
    allowLoopbackHttp: !production,
    allowHttpHosts: jwksAllowHttp,
    ...(production && { allowInternalHosts: internalHosts }),
  };
}

/** What was revoked by us, from memory, and then what the application says. */
function joinRevocation(
  hook: RevocationHook | undefined,
  config: Config,
  signIn: SignIn | undefined,
): RevocationHook | undefined {
  if (!signIn) return hook;
  const { sessions } = signIn;
  return (principal) => {
    const { issuer, sessionId } = principal;
    const isOurs = issuer === config.jwt.issuer && sessionId !== undefined;
    const isEnded = isOurs && sessions.isRevoked(sessionId);
    if (!hook || isEnded === true) return isEnded;
    return isEnded === false ? hook(principal) : isEnded.then((ended) => ended || hook(principal));
  };
}

/** The `iss` of every issuer that is trusted by name; none of those that `resolveIssuer` finds. */
export function trustedIssuerNames(
  config: Config,
  surroundings: Pick<VerifierSurroundings, 'signIn' | 'furtherIssuers'>,
): readonly string[] {
  return allIssuers(config, surroundings).flatMap((issuer) => readIssuerNames(issuer).listed);
}

interface IssuerSurroundings extends Pick<VerifierSurroundings, 'furtherIssuers'> {
  readonly signIn: Pick<SignIn, 'signer'> | undefined;
}

function allIssuers(
  config: Config,
  { signIn, furtherIssuers }: IssuerSurroundings,
): readonly IssuerOptions[] {
  const main = signIn ? [signIn.signer.issuerOptions()] : externalIssuer(config);
  return [...main, ...config.trustedIssuers, ...furtherIssuers];
}

/** Finds the same issuers, with another audience where one is given. */
function resolverFor(
  resolveIssuer: IssuerResolver | undefined,
  audience: readonly string[] | undefined,
): IssuerResolver | undefined {
  if (!resolveIssuer || !audience) return resolveIssuer;
  return async (iss) => {
    const found = await resolveIssuer(iss);
    // What is no options object is left to the verifier, which says so.
    return isRecord(found) ? { ...found, audience } : found;
  };
}

/** The main issuer where we only verify: the identity provider whose keys are configured. */
function externalIssuer({ jwt, claims }: Config): readonly IssuerOptions[] {
  const { issuer, jwksUrl, publicKey, algorithm } = jwt;
  const keys = keysOf({ jwksUrl, publicKey });
  if (!keys || !issuer) return [];
  return [
    {
      issuer,
      audience: jwt.audience ?? issuer,
      keys,
      claims,
      allowedOrgs: 'any',
      ...(algorithm && { algorithms: [algorithm] }),
    },
  ];
}

function keysOf({
  jwksUrl,
  publicKey,
}: Pick<Config['jwt'], 'jwksUrl' | 'publicKey'>): KeySource | undefined {
  if (jwksUrl) return { jwksUri: jwksUrl };
  return publicKey ? { publicKey } : undefined;
}
