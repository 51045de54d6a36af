/** The part of `oidc-provider` that our tests use; the package has no types of its own. */
declare module 'oidc-provider' {
  import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

  export interface ResourceServer {
    readonly scope: string;
    readonly audience: string;
    readonly accessTokenFormat: 'jwt';
    /** Seconds. */
    readonly accessTokenTTL: number;
    readonly jwt: { readonly sign: { readonly alg: string; readonly kid: string } };
  }

  interface Client {
    readonly clientId: string;
  }

  /** What `loadExistingGrant` is called with. */
  export interface GrantContext {
    readonly oidc: {
      readonly client: Client;
      readonly provider: Provider;
      readonly requestParamScopes: ReadonlySet<string>;
      readonly session: {
        readonly accountId: string;
        grantIdFor(clientId: string): string | undefined;
      };
    };
  }

  interface IdToken {
    scope: string;
    set(claim: string, value: unknown): void;
    issue(options: { use: 'idtoken' }): Promise<string>;
  }

  /** What the provider waits for. */
  interface Interaction {
    readonly prompt: {
      readonly name: string;
      readonly details: {
        readonly missingOIDCScope?: readonly string[];
        readonly missingOIDCClaims?: readonly string[];
      };
    };
    readonly params: { readonly client_id: string; readonly login_hint?: string };
    readonly session?: { readonly accountId: string };
    readonly grantId?: string;
  }

  interface Grant {
    addOIDCScope(scope: string): void;
    addOIDCClaims(claims: readonly string[]): void;
    save(): Promise<string>;
  }

  export class Provider {
    constructor(issuer: string, configuration: object);
    readonly Client: { find(clientId: string): Promise<Client> };
    readonly IdToken: new (claims: object, options: { client: Client }) => IdToken;
    readonly Grant: {
      new (of: { readonly accountId: string | undefined; readonly clientId: string }): Grant;
      find(id: string): Promise<Grant | undefined>;
    };
    callback(): RequestListener;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionFinished(
      ...given: [
        request: IncomingMessage,
        response: ServerResponse,
        result: object,
        options: { readonly mergeWithLastSubmission: boolean },
      ]
    ): Promise<void>;
  }
}
