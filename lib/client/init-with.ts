/** A request with headers that its caller has not set. */
export function initWith(
  init: RequestInit,
  missing: Readonly<Record<string, string | false | undefined>> = {},
): RequestInit & { readonly headers: Headers } {
  const headers = new Headers(init.headers);
  for (const [name, value] of Object.entries(missing))
    if (value && !headers.has(name)) headers.set(name, value);
  return { ...init, headers };
}
