import { z } from 'zod';
import { type AnswerName, answers } from './answers.js';
import { describeRoute, groups } from './describe-route.js';
import type { DocumentParts, JsonObject } from './parts.js';
import { sharedRefusals } from './refusals.js';
import { requests } from './requests.js';
import { schemesOf } from './security.js';
import { VERSION } from '../../version.js';

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
      // They say nothing more than the format, and than what a number of JSON can be.
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    },
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $id: _id, $schema: _schema, ...schema }]) => [id, schema]),
  );
}
