/**
 * Writes control characters, halves of surrogate pairs, and what is not seen or turns the direction of text as `\uXXXX`, so that a
 * name can neither move the cursor of a terminal nor look like another one. In JSON it stays the same text.
 */
export function visible(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cs}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\uFFF9-\uFFFB]/gu,
    (character) => character.split('').map(escapeOf).join(''),
  );
}

function escapeOf(half: string): string {
  return `\\u${half.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
