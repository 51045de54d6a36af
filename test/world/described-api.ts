import { Validator } from '@seriousme/openapi-schema-validator';
import { expect } from 'vitest';
import { z } from 'zod';

/** As much of an OpenAPI document as the tests read. References are resolved. */
interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
}

interface DescribedOperation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Content; readonly required: boolean };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

type Content = Readonly<Record<string, { readonly schema: JsonSchema }>>;

type JsonSchema = Parameters<typeof z.fromJSONSchema>[0];

interface Call {
  readonly json?: unknown;
  readonly form?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One for all documents: it compiles the schema of OpenAPI at its first use, which takes longer than all the rest. */
export const openapiValidator = new Validator();
const known = new Map<string, Described>();

async function validated(document: string): Promise<Described> {
  expect(await openapiValidator.validate(JSON.parse(document))).toEqual({ valid: true });
  // The validator's own types say nothing of what is inside.
  const described = openapiValidator.resolveRefs() as unknown as Described;
  known.set(document, described);
  return described;
}

const parsers = new WeakMap<object, z.ZodType>();

function parserOf(schema: JsonSchema): z.ZodType {
  if (typeof schema !== 'object') return z.fromJSONSchema(schema);
  const parser = parsers.get(schema) ?? z.fromJSONSchema(schema);
  parsers.set(schema, parser);
  return parser;
}

/** Calls an API by its own document. A request that it accepts, and every answer, must be as the document says. */
export async function createDescribedApi(base: string) {
  const document = await (await fetch(`${base}/openapi.json`)).text();
  const { paths } = known.get(document) ?? (await validated(document));
  const called = new Set<string>();

  function find(method: string, path: string): DescribedOperation {
    const fits = ([template]: readonly [string, unknown]): boolean =>
      new RegExp(`^${template.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path);
    // What is spelt out comes before what a parameter takes.
    const found = paths[path] ?? Object.entries(paths).find(fits)?.[1];
    const operation = found?.[method.toLowerCase()];
    if (!operation) throw new Error(`${method} ${path} is not described`);
    return operation;
  }

  return {
    paths,
    /** Ids of the operations that were called with success. */
    called,
    /** `POST /login` and the like. Resolves to status and body. */
    async call(route: string, { json, form, headers = {} }: Call = {}) {
      const [method = '', target = ''] = route.split(' ');
      const [path = ''] = target.split('?');
      const operation = find(method, path);
      const type = form ? 'application/x-www-form-urlencoded' : 'application/json';
      const body = form ? new URLSearchParams(form).toString() : JSON.stringify(json);
      const response = await fetch(`${base}${target}`, {
        method,
        headers: { ...(body !== undefined && { 'content-type': type }), ...headers },
        ...(body !== undefined && { body }),
      });
      const text = await response.text();
      const [answerType = ''] = (response.headers.get('content-type') ?? '').split(';');
      const answered = operation.responses[String(response.status)];
      expect(answered, `${route} answered ${response.status}: ${text}`).toBeDefined();
      const schema = answered?.content?.[answerType]?.schema;
      expect(schema === undefined, `${route} answered ${answerType}: ${text}`).toBe(text === '');
      const answer: unknown = text === '' ? undefined : JSON.parse(text);
      if (schema) expect(parserOf(schema).safeParse(answer).error, route).toBeUndefined();
      if (response.ok) {
        called.add(operation.operationId);
        expect(accepts(operation, type, form ?? json), `${route} took this body`).toBe(true);
      }
      return { status: response.status, headers: response.headers, body: answer };
    },
  };
}

function accepts({ requestBody }: DescribedOperation, type: string, body: unknown): boolean {
  if (body === undefined) return requestBody?.required !== true;
  const schema = requestBody?.content[type]?.schema;
  return schema !== undefined && parserOf(schema).safeParse(body).success;
}
