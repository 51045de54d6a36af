import express from 'express';
import { expect, it } from 'vitest';
import { createVerifier, requireAuth } from 'latchkey';
import { createClock } from '../world/clock.js';
import { serve } from '../world/serve.js';
import { createTokenSigner, type UnsignedToken } from '../world/token-signer.js';
import * as auth0 from './fixtures/auth0.js';
import * as cognito from './fixtures/cognito.js';
import * as entra from './fixtures/entra.js';
import * as google from './fixtures/google.js';
import * as keycloak from './fixtures/keycloak.js';
import * as okta from './fixtures/okta.js';
import { policies, type Policy } from './policies.js';
import { NOW } from './principal-facts.js';

const users = 200;
const machines = 403;

it.each<{ who: string; policy: Policy; token: UnsignedToken; status: number }>([
  {
    who: 'A Keycloak user',
    policy: policies.keycloak,
    token: keycloak.accessToken(NOW),
    status: users,
  },
  { who: 'An Okta user', policy: policies.okta, token: okta.accessToken(NOW), status: users },
  {
    who: 'An Okta client of its own',
    policy: policies.okta,
    token: okta.clientCredentialsToken(NOW),
    status: machines,
  },
  {
    who: 'An Entra user, version 1',
    policy: policies.entraV1,
    token: entra.v1AccessToken(NOW),
    status: users,
  },
  {
    who: 'An Entra user, version 2',
    policy: policies.entraV2,
    token: entra.v2AccessToken(NOW),
    status: users,
  },
  {
    who: 'An Entra application of its own',
    policy: policies.entraV2,
    token: entra.v2AppOnlyToken(NOW),
    status: machines,
  },
  {
    who: 'An Auth0 user',
    policy: policies.auth0,
    token: auth0.rbacAccessToken(NOW),
    status: users,
  },
  {
    who: 'An Auth0 machine',
    policy: policies.auth0,
    token: auth0.machineAccessToken(NOW),
    status: machines,
  },
  {
    who: 'A Cognito user',
    policy: policies.cognito,
    token: cognito.accessToken(NOW),
    status: users,
  },
  {
    who: 'A Google Workspace user',
    policy: policies.google,
    token: google.workspaceUserToken(NOW),
    status: users,
  },
  {
    who: 'A Google service',
    policy: policies.google,
    token: google.serviceToken(NOW),
    status: machines,
  },
])('$who gets $status from a route for users only', async ({ policy, token, status }) => {
  const signer = await createTokenSigner('signing-key');
  const verifier = createVerifier({
    issuers: { ...policy, keys: { jwks: { keys: [signer.jwk] } } },
    now: createClock(NOW).now,
  });
  const app = express();
  app.get('/me', requireAuth(verifier, { userOnly: true }), (_req, res) => void res.json({}));
  const { origin } = await serve(app);

  const response = await fetch(`${origin}/me`, {
    headers: { Authorization: `Bearer ${await signer.sign(token)}` },
  });

  expect(response.status).toBe(status);
});
