import { z } from 'zod';
import { type CredentialWay } from '../../audit/guard-facts.js';
import { pathTemplates } from '../../audit/openapi-paths.js';
import { securitySchemes } from '../../audit/security-schemes.js';
import { credentialsTaken } from '../../authenticate/authenticator.js';
import type { RouterParts } from '../parts.js';
import { adminOperations } from './admin-operations.js';
import { type AnswerName, answers } from './answers.js';
import { machineOperations, tokenOperation } from './machine-operations.js';
import type { CallerRule, Operation, Operations, QueryName } from './operation.js';
import { orgOperations } from './org-operations.js';
import { pageRoutes } from './pages.js';
import { passwordOperations } from './password-operations.js';
import { oauthResponses, problemResponses, refusalCodes, sharedRefusals } from './refusals.js';
import { requests } from './requests.js';
import { providerOperations, serviceOperations } from './service-operations.js';
import { sessionOperations } from './session-operations.js';
import { VERSION } from './version.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** What the document depends on. */
export type DocumentParts = Pick<
  RouterParts,
  'config' | 'pipeline' | 'cookies' | 'providers' | 'serviceAccounts'
>;

/**
 * Describes these routes, each written `GET /users/:id`, as an OpenAPI 3.1 document without `servers`. Throws for a route that is neither
 * described nor a page.
 */
export function createDocument(parts: DocumentParts, routes: readonly string[]): JsonObject {
  const described = routes.flatMap((route) => describeRoute(parts, route));
  const paths: Record<string, JsonObject> = {};
  for (const { path, method, shown } of described)
    paths[path] = { ...paths[path], [method.toLowerCase()]: shown };
  const used = referredTo(paths);
  const schemas = { ...schemasOf(requests, 'input', used), ...schemasOf(answers, 'output', used) };
  return {
    info: {
      title: 'Authentication',
      version: VERSION,
      description: [
        'Signing in and staying signed in. Pages for people, what their forms send, and addresses that browsers are sent to are not listed.',
        'Requests other than GET are refused with 403 `CROSS_SITE_REQUEST` when the browser says that a page of another site sends them (`Sec-Fetch-Site`, else `Origin`). Bodies have at most 16 kB.',
        'Refusals are as `errorHandler()` answers them by default: problem details (RFC 9457) with a `code` that never changes its meaning. Every answer that counts against a limit has `RateLimit` and `RateLimit-Policy`.',
      ].join('\n\n'),
    },
    tags: groups
      .filter(([name]) => described.some(({ tag }) => tag === name))
      .map(([name]) => ({ name })),
    paths,
    components: {
      schemas,
      responses: Object.fromEntries(
        Object.entries(sharedRefusals).filter(([name]) => used.has(name)),
      ),
      securitySchemes: schemesOf(parts),
    },
  };
}

/** Names of the components that a part of the document refers to. */
function referredTo(part: JsonObject): ReadonlySet<string> {
  return new Set(JSON.stringify(part).match(/(?<="#\/components\/\w+\/)\w+/g));
}

const groups: readonly (readonly [tag: string, operations: Operations])[] = [
  ['Sessions', sessionOperations],
  ['Passwords', passwordOperations],
  ['Users', adminOperations],
  ['Programs', machineOperations],
  ['Organisations', orgOperations],
  ['Identity providers', providerOperations],
  ['Service', serviceOperations],
];

function describeRoute(parts: DocumentParts, route: string) {
  const [method = '', pattern = ''] = route.split(' ');
  const [path = pattern] = pathTemplates(pattern) ?? [];
  const found = findOperation(parts, route);
  if (!found) return [];
  const { tag, operation } = found;
  return [{ tag, method, path, shown: showOperation(parts, { tag, method, path, operation }) }];
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

interface Shown {
  readonly tag: string;
  readonly method: string;
  readonly path: string;
  readonly operation: Operation;
}

function showOperation(parts: DocumentParts, { tag, method, path, operation }: Shown): JsonObject {
  const { operationId, summary, description, caller, oauthErrors, isBound = false } = operation;
  const dpop = parts.pipeline.dpop ?? 'off';
  const facts = { method, dpop: dpop !== 'off', impersonation: parts.config.impersonation };
  const problems = operationId === 'status' ? [] : refusalCodes(operation, facts);
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

function answersOf({ answers: given, operationId }: Operation): Record<string, JsonObject> {
  const type = operationId === 'publicKeys' ? 'application/jwk-set+json' : 'application/json';
  return Object.fromEntries(
    Object.entries(given).map(([status, named]: [string, Operation['answers'][number]]) => {
      if (named === 'empty') return [status, { description: 'Done.' }];
      const names: readonly AnswerName[] = typeof named === 'string' ? [named] : named;
      const [first = 'Problem'] = names;
      const schema = names.length > 1 ? { anyOf: names.map(refTo) } : refTo(first);
      return [status, { description: wordsOf(first), content: { [type]: { schema } } }];
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

function waysOf({ pipeline }: DocumentParts, caller: CallerRule): readonly CredentialWay[] {
  // As in caller.ts.
  const own = { sessionCookie: true };
  const methods = ['jwt', 'opaque', 'session'] as const;
  return credentialsTaken(caller === 'any' ? own : { ...own, methods }, pipeline);
}

function securityOf(parts: DocumentParts, caller: CallerRule): readonly JsonObject[] {
  if (caller === 'none') return [];
  if (caller === 'client') return [{}, { client: [] }];
  if (caller === 'cookie') return [{}, { cookie: [] }];
  const scopes = typeof caller === 'object' ? [caller.scope] : [];
  const required = waysOf(parts, caller).map((way) => ({ [way]: scopes }));
  return caller === 'optional' ? [{}, ...required] : required;
}

function schemesOf(parts: DocumentParts): JsonObject {
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

/** Always there: others refer to them. */
const shared: readonly string[] = ['Caller', 'Actor', 'Problem'] satisfies readonly AnswerName[];

/** Converts those schemas of a table that the document uses. */
function schemasOf(
  table: Readonly<Record<string, z.ZodType>>,
  io: 'input' | 'output',
  used: ReadonlySet<string>,
): JsonObject {
  const named = z.registry<{ readonly id: string }>();
  for (const [id, schema] of Object.entries(table))
    if (used.has(id) || shared.includes(id)) named.add(schema, { id });
  const { schemas } = z.toJSONSchema(named, {
    target: 'draft-2020-12',
    io,
    // What only code can judge is described by metadata beside it.
    unrepresentable: 'any',
    uri: (id) => `#/components/schemas/${id}`,
    override: ({ jsonSchema }) => {
      // The pattern says nothing more than the format.
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    },
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $id: _id, $schema: _schema, ...schema }]) => [id, schema]),
  );
}
