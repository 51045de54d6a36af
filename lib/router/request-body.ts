import bodyParser from 'body-parser';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { hasBody, isJson } from '../http/cross-site.js';
import { AuthError, type FieldError } from '../errors.js';
import { isRecord } from '../is-record.js';

const LIMIT_BYTES = 16 * 1024;

// Compressed bodies are refused: no request of ours is large, and a decompression bomb is.
const parseJson = bodyParser.json({
  limit: LIMIT_BYTES,
  inflate: false,
  strict: false,
  type: (message) => isJson(message),
});
const parseForm = bodyParser.urlencoded({
  limit: LIMIT_BYTES,
  inflate: false,
  extended: false,
  parameterLimit: 20,
});

/**
 * Reads a JSON body of at most 16 kB by a strict schema. A body that another parser has read already is used as it is.
 * Rejects with PAYLOAD_TOO_LARGE (413), UNSUPPORTED_MEDIA_TYPE (415), or INVALID_REQUEST (400) with what is wrong
 * in which member.
 */
export async function readJsonBody<Body>(
  exchange: Exchange,
  schema: z.ZodType<Body>,
): Promise<Body> {
  const { req } = exchange;
  if (!isParsed(req) && hasBody(req)) {
    if (!isJson(req)) throw new AuthError('UNSUPPORTED_MEDIA_TYPE');
    await parse(parseJson, exchange);
  }
  return judgeBody(req.body, schema);
}

/** Like {@link readJsonBody}, and takes forms too, for the routes whose RFC asks for them. */
export async function readJsonOrFormBody<Body>(
  exchange: Exchange,
  schema: z.ZodType<Body>,
): Promise<Body> {
  const { req } = exchange;
  if (!isParsed(req) && isForm(req)) await parse(parseForm, exchange);
  return readJsonBody(exchange, schema);
}

/** Reads a form of at most 16 kB by a strict schema. UNSUPPORTED_MEDIA_TYPE (415) for anything else. */
export async function readFormBody<Body>(
  exchange: Exchange,
  schema: z.ZodType<Body>,
): Promise<Body> {
  const { req } = exchange;
  if (!isForm(req)) throw new AuthError('UNSUPPORTED_MEDIA_TYPE');
  if (!isParsed(req)) await parse(parseForm, exchange);
  return judgeBody(req.body, schema);
}

export function isForm(req: Request): boolean {
  return typeof req.is('application/x-www-form-urlencoded') === 'string';
}

export interface Exchange {
  readonly req: Request;
  readonly res: Response;
}

/** Bytes are not a parsed body: adapters of serverless platforms put them there and leave the request unread. */
function isParsed({ body }: Request): boolean {
  if (typeof body !== 'object' || body === null || body instanceof Uint8Array) return false;
  return Object.keys(body).length > 0;
}

function isMissing(body: unknown): boolean {
  return body === undefined || body === null || (body instanceof Uint8Array && body.length === 0);
}

type Parser = typeof parseJson;

function parse(parser: Parser, { req, res }: Exchange): Promise<void> {
  return new Promise((resolve, reject) => {
    parser(req, res, (error?: unknown) => {
      if (error === undefined) resolve();
      else reject(parserRefusal(error));
    });
  });
}

/** Drops the parser's message: it may quote the body. */
function parserRefusal(error: unknown): AuthError {
  const { type } = isRecord(error) ? error : {};
  if (type === 'entity.too.large') return new AuthError('PAYLOAD_TOO_LARGE');
  if (type === 'charset.unsupported') return new AuthError('UNSUPPORTED_MEDIA_TYPE');
  return new AuthError('INVALID_REQUEST', { reason: 'body', detail: 'The body cannot be read.' });
}

function judgeBody<Body>(body: unknown, schema: z.ZodType<Body>): Body {
  const judged = schema.safeParse(isMissing(body) ? {} : body);
  if (judged.success) return judged.data;
  throw new AuthError('INVALID_REQUEST', {
    reason: 'body',
    errors: judged.error.issues.flatMap(describeIssue).slice(0, MOST_ERRORS),
  });
}

/** A body may hold thousands of unknown members. */
const MOST_ERRORS = 20;

/** In our words, since the library's may quote what was sent. An unknown member is named, its value is not. */
function describeIssue(issue: z.core.$ZodIssue): readonly FieldError[] {
  const steps = issue.path.map(String);
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((name) => ({
      pointer: pointerOf([...steps, name]),
      detail: 'is no member of this request',
    }));
  const detail = issueTexts[issue.code] ?? 'is not as it should be';
  return [{ pointer: pointerOf(steps), detail: issue.code === 'custom' ? issue.message : detail }];
}

const issueTexts: Readonly<Partial<Record<z.core.$ZodIssue['code'], string>>> = {
  invalid_type: 'is missing or of the wrong type',
  too_small: 'is too short',
  too_big: 'is too long',
  invalid_value: 'is none of the accepted values',
};

/** JSON Pointer in a URI fragment (RFC 6901 §3 and §6). Steps may be names that were sent, so they are cut short. */
function pointerOf(steps: readonly string[]): string {
  return ['#', ...steps.map(escapeStep)].join('/');
}

const MAX_STEP = 64;

function escapeStep(step: string): string {
  const name = step.slice(0, MAX_STEP).replaceAll('~', '~0').replaceAll('/', '~1');
  // A URI has no spelling for half a surrogate pair.
  return encodeURIComponent(name.replace(/\p{Cs}/gu, '\u{FFFD}'));
}
