import { createVerifier, type Principal } from 'latchkey';
import { createClock } from '../world/clock.js';
import { createTokenSigner, type UnsignedToken } from '../world/token-signer.js';
import type { Policy } from './policies.js';

/** The moment of every fixture, in seconds since 1970. */
export const NOW = 1_800_000_000;

/** What a verifier with this policy makes of the token, signed with a key published like this. */
export async function principalOf(
  policy: Policy,
  token: UnsignedToken,
  published?: Readonly<Record<string, unknown>>,
): Promise<Principal> {
  const signer = await createTokenSigner('signing-key', published);
  const verifier = createVerifier({
    issuers: { ...policy, keys: { jwks: { keys: [signer.jwk] } } },
    now: createClock(NOW).now,
  });
  return verifier.verify(await signer.sign(token));
}

/** A principal without what is the same for every provider. */
export function factsOf({ subject, user, scopes, orgs, clientId, sessionId }: Principal) {
  const { id, email, username, roles, groups } = user;
  return {
    ...{ subject, id, email, username, roles, groups, clientId, sessionId },
    scopes: [...scopes],
    orgs: orgs.map((org) => org.id),
  };
}

export type Facts = ReturnType<typeof factsOf>;

/** Facts of a principal about whom the token says nothing. */
export const nobody = {
  ...{ email: undefined, username: undefined, clientId: undefined, sessionId: undefined },
  ...{ roles: [], groups: [], scopes: [], orgs: [] },
};
