const MOST_OPTIONAL_PARTS = 6;

/**
 * Spells a path of Express 4 or 5 as OpenAPI does, `/orders/{id}`: once with and once without each optional part. Undefined for
 * what OpenAPI has no spelling for: wildcards, regular expressions, parts that Express doesn't tell.
 */
export function pathTemplates(path: string): readonly string[] | undefined {
  const plain = path
    // The form of a parameter's value (Express 4): `/:id(\d+)`.
    .replaceAll(/(:\w+)\((?:[^()]|\([^()]*\))*\)/g, '$1')
    // An optional parameter (Express 4): `/:id?`.
    .replaceAll(/([/.]?:\w+)\?/g, '{$1}');
  const optional = plain.match(/\{/g) ?? [];
  if (/[*+?()[\]\\"|^$]/.test(plain) || optional.length > MOST_OPTIONAL_PARTS) return undefined;
  const spelt = withoutBraces(plain).map((each) => each.replaceAll(PARAMETER, '{$1}') || '/');
  return [...new Set(spelt)];
}

const PARAMETER = /:([\p{ID_Start}_][\p{ID_Continue}]*)/gu;

/** An optional part (Express 5): `/orders{/:id}`. The innermost ones first, since they may stand in one another. */
function withoutBraces(path: string): readonly string[] {
  const [whole, inside = ''] = /\{([^{}]*)\}/.exec(path) ?? [];
  if (whole === undefined) return [path];
  return ['', inside].flatMap((part) => withoutBraces(path.replace(whole, () => part)));
}

/** What two spellings have in common that are the same path to OpenAPI (3.1.1 §4.8.8.2): the names of parameters don't count. */
export function pathHierarchy(template: string): string {
  return template.replaceAll(/\{[^{}]*\}/g, '{}');
}
