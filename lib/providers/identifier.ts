const MAX_LENGTH = 255;

/**
 * Tells whether a text can name a user or a session of a provider: 1 to 255 characters (OpenID Connect Core §2), not all of them
 * blank, and none of them a control character or half a surrogate pair, which not every store can keep.
 */
export function isIdentifier(text: string): boolean {
  return text.trim() !== '' && text.length <= MAX_LENGTH && !/[\p{Cc}\p{Cs}]/u.test(text);
}
