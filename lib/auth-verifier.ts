import type { Config } from './config/config.js';
import type { Events } from './events.js';
import { definedOnly } from './known-options.js';
import type { SignIn } from './sign-in.js';
import type { VerifierOptions } from './verifier/options.js';
import type { RevocationHook } from './verifier/tokens/revocation.js';
import type { IssuerOptions, KeySource } from './verifier/trusted-issuers/options.js';
import { createVerifier, type Verifier } from './verifier/verifier.js';

interface VerifierSurroundings {
  readonly signIn: SignIn | undefined;
  readonly furtherIssuers: readonly IssuerOptions[];
  readonly events: Events;
  readonly now: () => number;
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
  { signIn, furtherIssuers, events, now }: VerifierSurroundings,
): Verifier {
  const { resolveIssuer, tokenCache, maxTokenLength, realm } = own;
  return createVerifier({
    ...definedOnly({ resolveIssuer, tokenCache, maxTokenLength, realm }),
    ...definedOnly({ isRevoked: joinRevocation(own.isRevoked, config, signIn) }),
    issuers: allIssuers(config, signIn, {
      furtherIssuers,
      mayBeNone: resolveIssuer !== undefined,
    }),
    ...allowedHosts(config),
    clockToleranceSeconds: config.clockToleranceSeconds,
    events,
    now,
  });
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

/** Throws a TypeError when no issuer is configured. */
function allIssuers(
  config: Config,
  signIn: SignIn | undefined,
  {
    furtherIssuers,
    mayBeNone,
  }: { readonly furtherIssuers: readonly IssuerOptions[]; readonly mayBeNone: boolean },
): readonly IssuerOptions[] {
  const main = signIn ? [signIn.signer.issuerOptions()] : externalIssuer(config);
  const all = [...main, ...config.trustedIssuers, ...furtherIssuers];
  if (all.length === 0 && !mayBeNone)
    throw new TypeError(
      "createAuth() has no issuer: set AUTH_JWKS_URL and AUTH_JWT_ISSUER (an identity provider's tokens), AUTH_JWT_SECRET and AUTH_PUBLIC_URL (our own), or AUTH_TRUSTED_ISSUERS",
    );
  return all;
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
