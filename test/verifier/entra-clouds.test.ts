import { createVerifier, type IssuerOptions } from 'latchkey';
import { describe, expect, it } from 'vitest';
import * as entra from '../claims/fixtures/entra.js';
import { NOW } from '../claims/principal-facts.js';
import { createClock } from '../world/clock.js';
import { createTokenSigner } from '../world/token-signer.js';

const clouds = [
  { cloud: 'global', v2: 'https://login.microsoftonline.com', v1: 'https://sts.windows.net' },
  { cloud: 'US Government', v2: 'https://login.microsoftonline.us', v1: 'https://sts.windows.net' },
  {
    cloud: 'China',
    v2: 'https://login.partner.microsoftonline.cn',
    v1: 'https://sts.chinacloudapi.cn',
  },
];

describe.each(clouds)('in the cloud $cloud of Entra', ({ v1, v2 }) => {
  const policy = { audience: [entra.V1_API, entra.V2_API], claims: 'entra' } as const;

  it.each([
    { version: 1, iss: `${v1}/${entra.TENANT}/`, token: entra.v1AccessToken(NOW) },
    { version: 2, iss: `${v2}/${entra.TENANT}/v2.0`, token: entra.v2AccessToken(NOW) },
  ])('a key that names version 2 signs tokens of version $version', async ({ iss, token }) => {
    const signer = await createTokenSigner('key', entra.publishedFor(`${v2}/{tenantid}/v2.0`));
    const verifier = createVerifier({
      issuers: { ...policy, issuer: iss, keys: { jwks: { keys: [signer.jwk] } } },
      now: createClock(NOW).now,
    });
    const { header, claims } = token;
    const principal = await verifier.verify(
      await signer.sign({ header, claims: { ...claims, iss } }),
    );
    expect(principal).toMatchObject({ issuer: iss, user: { id: entra.USER_OBJECT } });
  });

  it.each(['common', 'organizations', 'consumers'])(
    'the shared endpoint %s is refused as an issuer when the application starts',
    (name) => {
      for (const issuer of [`${v2}/${name}/v2.0`, `${v1}/${name}/`]) {
        const issuers: IssuerOptions = { ...policy, issuer, keys: { discovery: true } };
        expect(() => createVerifier({ issuers })).toThrow(TypeError);
      }
    },
  );
});
