import type { CredentialWay } from './guard-facts.js';

/** A Security Scheme Object (OpenAPI 3.1.1 §4.8.27). */
export type SecurityScheme =
  | {
      readonly type: 'http';
      /** A name of the registry of HTTP authentication schemes. */
      readonly scheme: string;
      readonly bearerFormat?: string;
      readonly description: string;
    }
  | {
      readonly type: 'apiKey';
      readonly in: 'header' | 'cookie';
      readonly name: string;
      readonly description: string;
    };

/** Security Scheme Objects by the names that requirements call them. */
export type SecuritySchemes = Readonly<Partial<Record<CredentialWay, SecurityScheme>>>;

interface SchemeFacts {
  /** What browsers know the session cookie by. */
  readonly sessionCookie: string;
}

/** Describes ways to send a credential. Scopes are listed with the requirements: OpenAPI 3.1 takes them for schemes of every type. */
export function securitySchemes(
  ways: readonly CredentialWay[],
  { sessionCookie }: SchemeFacts,
): SecuritySchemes {
  const all = {
    bearer: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'An access token (RFC 6750).',
    },
    dpop: {
      type: 'http',
      scheme: 'DPoP',
      description:
        'An access token that is bound to a key, with a proof of the key in the header `DPoP` (RFC 9449).',
    },
    cookie: {
      type: 'apiKey',
      in: 'cookie',
      name: sessionCookie,
      description:
        'The session cookie. Requests other than GET, HEAD and OPTIONS must come from an allowed origin.',
    },
    apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'An API key.' },
  } as const satisfies Required<SecuritySchemes>;
  return Object.fromEntries(ways.map((way) => [way, all[way]]));
}
