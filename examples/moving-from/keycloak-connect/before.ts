import express, { type Express, type Request, type RequestHandler } from 'express';
import KeycloakConnect, { type Keycloak, type Token } from 'keycloak-connect';

export interface Settings {
  /** Where Keycloak is, as in `auth-server-url`. */
  readonly serverUrl: string;
  readonly realm: string;
  /** The client of this API in Keycloak. */
  readonly clientId: string;
}

/** A small API, guarded by keycloak-connect with bearer tokens only. */
export function createApp({ serverUrl, realm, clientId }: Settings): Express {
  // What mostly stands in keycloak.json.
  const config = {
    ...{ realm, resource: clientId, 'auth-server-url': serverUrl },
    ...{ 'ssl-required': 'external', 'confidential-port': 0 },
    ...{ 'bearer-only': true, 'verify-token-audience': true },
  };
  const keycloak: Keycloak = new KeycloakConnect({}, config);
  const app = express();
  app.use(keycloak.middleware());

  app.get('/health', (_req, res) => void res.json({ ok: true }));
  app.get('/me', keycloak.protect(), (req: KeycloakRequest, res) => {
    const { sub, preferred_username: username } = req.kauth?.grant?.access_token?.content ?? {};
    res.json({ id: sub, username });
  });
  app.get('/users', keycloak.protect('realm:admin'), answerEmptyList);
  app.get('/reports', keycloak.protect('viewer'), answerEmptyList);
  app.get('/invoices', keycloak.protect('billing:clerk'), answerEmptyList);
  app.get('/drafts', keycloak.protect(isAuthor), answerEmptyList);
  app.get('/archive', keycloak.enforcer('archive:read'), answerEmptyList);
  return app;
}

const answerEmptyList: RequestHandler = (_req, res) => void res.json([]);

function isAuthor(token: Token): boolean {
  return token.hasRole('editor') || token.hasRealmRole('admin');
}

type KeycloakRequest = Request & {
  readonly kauth?: {
    readonly grant?: { readonly access_token?: { readonly content: Record<string, unknown> } };
  };
};
