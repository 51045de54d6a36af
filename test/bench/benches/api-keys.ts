import type { BenchContext } from '../bench.js';
import { latchkey } from '../built-library.js';
import { trustIn } from '../trust.js';
import { compareCost } from '../verification-cost.js';

/** As many keys as an instance remembers, and as there are tokens. */
const OWNERS = 100;
const KEYS_OF_EACH = 100;

/**
 * Whether a key that the store was asked about within the lag costs as little as a remembered token. In process and as if each request
 * came on a connection of its own, where both have to be found by their digests.
 */
export async function apiKeys({ issued, pairs, report }: BenchContext): Promise<void> {
  const { signer, tokens } = await issued('HS256');
  const { issuer, audience, keys } = trustIn(signer);
  const auth = latchkey.createAuth({
    env: {},
    onWarning: () => undefined,
    publicUrl: 'http://localhost:3000',
    jwt: { secret: 'a secret of the bench, of which nothing here is signed' },
    acceptApiKeys: true,
    apiKeys: { maxPerOwner: KEYS_OF_EACH },
    sessions: { revocationLagSeconds: 300 },
    trustedIssuers: [
      { issuer, audience, keys, algorithms: [signer.algorithm], allowedOrgs: 'any' },
    ],
  });
  const made: string[] = [];
  for (let count = 0; count < OWNERS; count += 1) {
    const { id: owner } = await auth.users.create({ username: `user-${count}` });
    for (let key = 0; key < KEYS_OF_EACH; key += 1)
      made.push((await auth.apiKeys.create({ owner, name: 'bench' })).key);
  }
  const cost = await compareCost({
    subject: {
      verify: (key) => auth.authenticate({ headers: { 'x-api-key': key } }),
      tokens: made,
    },
    baseline: {
      verify: (token) => auth.authenticate({ headers: { authorization: `Bearer ${token}` } }),
      tokens,
    },
    pairs,
    concurrency: 1,
  });
  report({
    what: 'known API key against a remembered token (HS256): CPU',
    value: cost.median,
    unit: 'x',
    spread: cost,
    goal: { atMost: 1.2 },
  });
  await auth.close();
}
