/** Whether a caller needs every one of several scopes or roles, or at least one. */
export type Match = 'all' | 'any';

/** Parts names from the options object that may follow them. */
export function partArguments<Options extends object>(
  values: readonly (string | Options)[],
): { readonly names: readonly unknown[]; readonly options: Partial<Options> } {
  const last = values.at(-1);
  return typeof last === 'object' && last !== null && !Array.isArray(last)
    ? { names: values.slice(0, -1), options: last }
    : { names: values, options: {} };
}

export function assertMatch(callee: string, match: unknown): asserts match is Match {
  if (match !== 'all' && match !== 'any')
    throw new TypeError(`${callee}(): \`match\` is 'all' or 'any'`);
}
