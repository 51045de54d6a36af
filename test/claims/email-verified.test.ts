import { describe, expect, it } from 'vitest';
import type { UnsignedToken } from '../world/token-signer.js';
import * as entra from './fixtures/entra.js';
import * as google from './fixtures/google.js';
import * as keycloak from './fixtures/keycloak.js';
import { policies, type Policy } from './policies.js';
import { NOW, principalOf } from './principal-facts.js';

const keycloakToken = keycloak.accessToken(NOW);
const entraToken = entra.v1AccessToken(NOW);
const EMAIL = 'AbeLi@contoso.example';

describe('whether the address of a principal is verified', () => {
  it.each<{ title: string; policy: Policy; token: UnsignedToken; claims: object; is: boolean }>([
    ...[
      { title: 'true', claims: { email_verified: true }, is: true },
      { title: 'true as text', claims: { email_verified: 'true' }, is: true },
      { title: 'false', claims: { email_verified: false }, is: false },
      { title: 'false as text', claims: { email_verified: 'false' }, is: false },
      { title: 'nothing', claims: { email_verified: undefined }, is: false },
      { title: 'null', claims: { email_verified: null }, is: false },
      { title: 'an object', claims: { email_verified: { true: true } }, is: false },
      { title: 'a number', claims: { email_verified: 1 }, is: false },
      { title: 'a number as text', claims: { email_verified: '1' }, is: false },
      { title: 'a list', claims: { email_verified: ['sam@thing.example'] }, is: false },
      { title: 'another word', claims: { email_verified: 'TRUE' }, is: false },
      { title: 'true of no address', claims: { email: undefined }, is: false },
      { title: 'true of an empty address', claims: { email: '' }, is: false },
      { title: "Entra's word", claims: { email_verified: false, xms_edov: true }, is: false },
    ].map((row) => ({ ...row, policy: policies.keycloak, token: keycloakToken })),
    ...[
      { title: 'nothing, by Entra', claims: {}, is: false },
      { title: 'xms_edov, by Entra', claims: { xms_edov: true }, is: true },
      { title: 'xms_edov as text, by Entra', claims: { xms_edov: '1' }, is: true },
      { title: 'no xms_edov, by Entra', claims: { xms_edov: 0 }, is: false },
      { title: 'its list, by Entra', claims: { verified_primary_email: [EMAIL] }, is: true },
      {
        title: 'a list without it, by Entra',
        claims: { verified_primary_email: ['other@contoso.example', 7] },
        is: false,
      },
    ].map((row) => ({ ...row, policy: policies.entraV1, token: entraToken })),
    {
      title: 'true, by Google',
      policy: policies.google,
      token: google.serviceToken(NOW),
      claims: {},
      is: true,
    },
    {
      title: 'a claim of another name',
      policy: { ...policies.keycloak, claims: { preset: 'keycloak', emailVerified: 'facts.mail' } },
      token: keycloakToken,
      claims: { email_verified: false, facts: { mail: true } },
      is: true,
    },
  ])('$title: $is', async ({ policy, token: { header, claims }, claims: changes, is }) => {
    const { user } = await principalOf(policy, { header, claims: { ...claims, ...changes } });
    expect(user.emailVerified).toBe(is);
  });
});
