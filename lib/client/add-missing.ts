/** Sets a header that the caller has not set. */
export function addMissing(headers: Headers, name: string, value: string | undefined): void {
  if (value && !headers.has(name)) headers.set(name, value);
}
