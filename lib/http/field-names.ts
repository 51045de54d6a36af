/** Whether the text names a header field and nothing else (RFC 9110 §5.6.2, token); `*` alone does not. */
export function isFieldName(text: string): boolean {
  return text !== '*' && /^[\w!#$%&'*+.^`|~-]{1,128}$/.test(text);
}
