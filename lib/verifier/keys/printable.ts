/** A text from outside as it may stand in an event or a message: visible ASCII, at most 128 characters. */
export function printable(text: string): string {
  return text.slice(0, 128).replace(/[^\x21-\x7E]/g, '?');
}
