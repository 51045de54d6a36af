/** White space and characters that don't show: a secret file easily gets them at its edges. */
const INVISIBLE_EDGES = /^[\s\uFEFF\u200B-\u200F\u2060]+|[\s\uFEFF\u200B-\u200F\u2060]+$/g;

/** The text without invisible edges. */
export function visiblePart(text: string): string {
  return text.replace(INVISIBLE_EDGES, '');
}
