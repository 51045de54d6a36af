import { pathTemplates } from '../../audit/openapi-paths.js';
import { adminOperations } from './admin-operations.js';
import type { AnswerName } from './answers.js';
import { machineOperations, tokenOperation } from './machine-operations.js';
import type { Operation, Operations, QueryName } from './operation.js';
import { orgOperations } from './org-operations.js';
import { pageRoutes } from './pages.js';
import type { DocumentParts, JsonObject } from './parts.js';
import { passwordOperations } from './password-operations.js';
import { oauthResponses, problemResponses, refusalCodes, sharedRefusals } from './refusals.js';
import { requests } from './requests.js';
import { securityOf } from './security.js';
import { providerOperations, serviceOperations } from './service-operations.js';
import { sessionOperations } from './session-operations.js';

/** All that is described, by what belongs together. */
export const groups: readonly (readonly [tag: string, operations: Operations])[] = [
  ['Sessions', sessionOperations],
  ['Passwords', passwordOperations],
  ['Users', adminOperations],
  ['Programs', machineOperations],
  ['Organisations', orgOperations],
  ['Identity providers', providerOperations],
  ['Service', serviceOperations],
];

/** Describes one route; no operation for a page. Throws for a route that is neither. */
export function describeRoute(parts: DocumentParts, route: string): readonly DescribedRoute[] {
  const [method = '', pattern = ''] = route.split(' ');
  const [path = pattern] = pathTemplates(pattern) ?? [];
  const found = findOperation(parts, route);
  if (!found) return [];
  const { tag, operation } = found;
  const place = { tag, method, path };
  return [{ ...place, shown: showOperation(parts, place, operation) }];
}

function findOperation({ config, providers, serviceAccounts }: DocumentParts, route: string) {
  if (pageRoutes.has(route)) return undefined;
  if (route === 'POST /google' && !providers.readGoogleIdToken) return undefined;
  if (route === 'POST /token' && serviceAccounts) {
    const byPassword = config.passwordLogin ? passwordOperations[route] : undefined;
    return { tag: 'Programs', operation: tokenOperation(byPassword) };
  }
  for (const [tag, { [route]: operation }] of groups) if (operation) return { tag, operation };
  throw new Error(`${route} is neither described nor a page`);
}

interface Place {
  readonly tag: string;
  readonly method: string;
  /** With parameters in braces. */
  readonly path: string;
}

interface DescribedRoute extends Place {
  /** An Operation Object. */
  readonly shown: JsonObject;
}

function showOperation(
  parts: DocumentParts,
  { tag, method, path }: Place,
  operation: Operation,
): JsonObject {
  const { operationId, summary, description, caller, oauthErrors } = operation;
  const { isBound = false, isUnlimited = false } = operation;
  const dpop = parts.pipeline.dpop ?? 'off';
  const facts = { method, dpop: dpop !== 'off', impersonation: parts.config.impersonation };
  const problems = isUnlimited ? [] : refusalCodes(operation, facts);
  const parameters = [
    ...[...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
      ...{ name, in: 'path', required: true },
      schema: { type: 'string' },
    })),
    ...(operation.query ?? []).map((name) => queryParameters[name]),
    ...(isBound && facts.dpop ? [proofParameter(dpop === 'required')] : []),
  ];
  const content = contentOf(operation);
  return {
    operationId,
    tags: [tag],
    summary,
    ...(description !== undefined && { description }),
    ...(parameters.length > 0 && { parameters }),
    ...(content && { requestBody: { content, required: needsBody(operation) } }),
    responses: joinResponses(
      answersOf(operation),
      problemResponses(problems),
      oauthResponses(oauthErrors ?? [], { dpop: oauthErrors !== undefined && facts.dpop }),
    ),
    security: securityOf(parts, caller),
  };
}

const queryParameters: Readonly<Record<QueryName, JsonObject>> = {
  limit: {
    ...{ name: 'limit', in: 'query', description: 'How many at most.' },
    schema: { type: 'integer', minimum: 1, maximum: 100, default: 100 },
  },
  after: {
    ...{ name: 'after', in: 'query', description: '`next` of the page before.' },
    schema: { type: 'string' },
  },
  resource: {
    ...{ name: 'resource', in: 'query', description: 'Only keys for this resource.' },
    schema: { type: 'string' },
  },
  org: {
    ...{ name: 'org', in: 'query', description: 'Only accounts of this organisation.' },
    schema: { type: 'string' },
  },
};

function proofParameter(required: boolean): JsonObject {
  return {
    ...{ name: 'DPoP', in: 'header', required },
    description: 'A proof of the key that the tokens are to be bound to (RFC 9449 §5).',
    schema: { type: 'string' },
  };
}

function contentOf({ json, form }: Operation): JsonObject | undefined {
  if (!json && !form) return undefined;
  return {
    ...(json && { 'application/json': { schema: refTo(json) } }),
    ...(form && { 'application/x-www-form-urlencoded': { schema: refTo(form) } }),
  };
}

/** A body that is missing is read as an empty one. */
function needsBody({ json, form }: Operation): boolean {
  const name = json ?? form;
  return name !== undefined && !requests[name].safeParse({}).success;
}

function answersOf({
  answers: given,
  answerType = 'application/json',
}: Operation): Record<string, JsonObject> {
  return Object.fromEntries(
    Object.entries(given).map(([status, named]: [string, Operation['answers'][number]]) => {
      if (named === 'empty') return [status, { description: 'Done.' }];
      const names: readonly AnswerName[] = typeof named === 'string' ? [named] : named;
      const [first = 'Problem'] = names;
      const schema = names.length > 1 ? { anyOf: names.map(refTo) } : refTo(first);
      return [status, { description: wordsOf(first), content: { [answerType]: { schema } } }];
    }),
  );
}

/** `SessionList` → `Session list`. */
function wordsOf(name: string): string {
  return `${name.charAt(0)}${name.slice(1).replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}.`;
}

/** Joins what several ways to answer say of one status. */
function joinResponses(
  ...all: readonly Readonly<Record<string, JsonObject>>[]
): Record<string, JsonObject> {
  const joined: Record<string, JsonObject> = {};
  for (const [status, response] of all.flatMap((each) => Object.entries(each))) {
    const before = joined[status];
    joined[status] = before ? joinTwo(before, resolve(response)) : response;
  }
  return joined;
}

function joinTwo(before: JsonObject, response: JsonObject): JsonObject {
  const one = resolve(before);
  return {
    ...{ ...one, ...response },
    description: [...new Set([one['description'], response['description']])].join('\n\n'),
    content: { ...Object(one['content']), ...Object(response['content']) },
  };
}

function resolve(response: JsonObject): JsonObject {
  const name = String(response['$ref']).split('/').at(-1) ?? '';
  return sharedRefusals[name] ?? response;
}

function refTo(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}
