/** Whether a header has more than one line of this name, by names and values in turn, as received; the name in lower case. */
export function isRepeated(rawHeaders: readonly string[] | undefined, field: string): boolean {
  if (rawHeaders === undefined) return false;
  let lines = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at];
    if (name?.length === field.length && name.toLowerCase() === field) lines += 1;
  }
  return lines > 1;
}
