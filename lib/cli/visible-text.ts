/**
 * Writes control characters, halves of surrogate pairs and what turns the direction of text as `\uXXXX`, so that a name can
 * neither move the cursor of a terminal nor look like another one. In JSON it stays the same text.
 */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cs}\u061C\u200E\u200F\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
