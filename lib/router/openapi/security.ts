import type { CredentialWay } from '../../audit/guard-facts.js';
import { securitySchemes } from '../../audit/security-schemes.js';
import { credentialsTaken } from '../../authenticate/authenticator.js';
import type { CallerRule } from './operation.js';
import type { DocumentParts, JsonObject } from './parts.js';

/** Security Scheme Objects of all endpoints. */
export function schemesOf(parts: DocumentParts): JsonObject {
  const sessionCookie = parts.cookies.nameOf('session');
  return {
    ...securitySchemes(waysOf(parts, 'any'), { sessionCookie }),
    ...(parts.serviceAccounts && {
      client: {
        ...{ type: 'http', scheme: 'basic' },
        description:
          'Id and secret of a service account, both encoded like a form (RFC 6749 §2.3.1).',
      },
    }),
  };
}

function waysOf({ pipeline }: DocumentParts, caller: CallerRule): readonly CredentialWay[] {
  // As in caller.ts.
  const own = { sessionCookie: true };
  const methods = ['jwt', 'opaque', 'session'] as const;
  return credentialsTaken(caller === 'any' ? own : { ...own, methods }, pipeline);
}

/** Security Requirement Objects of an endpoint. */
export function securityOf(parts: DocumentParts, caller: CallerRule): readonly JsonObject[] {
  if (caller === 'none') return [];
  if (caller === 'client') return [{}, { client: [] }];
  if (caller === 'cookie') return [{}, { cookie: [] }];
  const scopes = typeof caller === 'object' ? [caller.scope] : [];
  const required = waysOf(parts, caller).map((way) => ({ [way]: scopes }));
  return caller === 'optional' ? [{}, ...required] : required;
}
