import { isRecord } from '../is-record.js';

/**
 * Where a fact stands in the claims.
 *
 * - A text is a claim's name or a dotted path: `realm_access.roles`. A claim with exactly that name is found
 *   first. A backslash makes a dot part of a name: `resource_access.my\.app.roles`.
 * - A list of texts is tried as one path, whose names may have dots: `['resource_access', 'my.app', 'roles']`.
 *   Where that leads nowhere, each text is a path of its own.
 * - A list of lists holds several paths: `[['oid'], ['sub']]`. An empty list reads nothing.
 *
 * @example
 * const claims = { preset: 'keycloak', roles: ['resource_access', 'my.app', 'roles'] } as const;
 */
export type ClaimPath = string | readonly string[] | readonly (readonly string[])[];

/** One place in the claims. */
export interface ParsedPath {
  /** The path in one text, which is what an attribute read from there is called. */
  readonly name: string;
  readonly steps: readonly string[];
  /** Whether a claim that is called like the whole path comes first. */
  readonly isText: boolean;
}

/** The places of one fact. */
export interface ParsedPaths {
  /** A list as one path. Where it leads somewhere, the others don't count. */
  readonly joined: ParsedPath | undefined;
  readonly each: readonly ParsedPath[];
}

type Claims = Readonly<Record<string, unknown>>;

/** Reads a path as an application writes it. Throws a TypeError for one without names. */
export function parsePaths(path: ClaimPath): ParsedPaths {
  const items: readonly unknown[] = Array.isArray(path) ? path : [path];
  const isTexts = isTextList(items);
  return {
    joined: isTexts && items.length > 1 ? parseSteps(items) : undefined,
    each: isTexts ? items.map(parseText) : items.map(parseSteps),
  };
}

/** Every value that stands at the places, in their order; undefined where there is none. */
export function valuesAt(claims: Claims, { joined, each }: ParsedPaths): readonly unknown[] {
  const value = joined && valueAt(claims, joined);
  return value === undefined ? each.map((path) => valueAt(claims, path)) : [value];
}

export function valueAt(claims: Claims, { name, steps, isText }: ParsedPath): unknown {
  if (isText && Object.hasOwn(claims, name)) return claims[name];
  let value: unknown = claims;
  for (const step of steps) {
    if (!isRecord(value) || !Object.hasOwn(value, step)) return undefined;
    value = value[step];
  }
  return value;
}

function parseText(text: string): ParsedPath {
  const steps = splitAtDots(text);
  return { name: steps.join('.'), steps, isText: true };
}

function parseSteps(steps: unknown): ParsedPath {
  if (!Array.isArray(steps) || !isTextList(steps)) throw badPath();
  return { name: steps.join('.'), steps: [...steps], isText: false };
}

/** A backslash stands for itself unless a dot or another backslash follows. */
function splitAtDots(text: string): readonly string[] {
  const steps: string[] = [];
  let step = '';
  for (let at = 0; at < text.length; at += 1) {
    const isEscape = text[at] === '\\' && (text[at + 1] === '.' || text[at + 1] === '\\');
    if (isEscape) at += 1;
    if (text[at] === '.' && !isEscape) {
      steps.push(step);
      step = '';
    } else step += text.charAt(at);
  }
  return [...steps, step];
}

function isTextList(items: readonly unknown[]): items is readonly string[] {
  return items.length > 0 && items.every((item) => typeof item === 'string' && item !== '');
}

function badPath(): TypeError {
  return new TypeError(
    "a claim path is a text, a list of texts or a list of lists, none of them empty: 'realm_access.roles', ['resource_access', 'my.app', 'roles'] or [['oid'], ['sub']]",
  );
}
