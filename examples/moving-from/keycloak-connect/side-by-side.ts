import express, { type Express } from 'express';
import KeycloakConnect, { type Keycloak } from 'keycloak-connect';
import { createAuth, principalOf } from 'latchkey';

export interface Settings {
  readonly serverUrl: string;
  readonly realm: string;
  readonly clientId: string;
}

/** Both guards in one application, while its routes move one after the other. */
export function createApp({ serverUrl, realm, clientId }: Settings): Express {
  const keycloak: Keycloak = new KeycloakConnect(
    {},
    {
      ...{ realm, resource: clientId, 'auth-server-url': serverUrl },
      ...{ 'ssl-required': 'external', 'confidential-port': 0 },
      ...{ 'bearer-only': true, 'verify-token-audience': true },
    },
  );
  const issuer = `${serverUrl}/realms/${realm}`;
  const auth = createAuth({
    trustedIssuers: [{ issuer, audience: clientId, keys: { discovery: true }, claims: 'keycloak' }],
  });
  const app = express();

  // Moved: above keycloak.middleware(), which judges the token of every request that reaches it.
  app.get('/me', auth.requireAuth(), (req, res) => {
    res.json({ id: principalOf(req).user.id });
  });

  // Still to move.
  app.use(keycloak.middleware());
  app.get('/users', keycloak.protect('realm:admin'), (_req, res) => void res.json([]));

  app.use(auth.errorHandler());
  return app;
}
