import { printable } from '../../verifier/keys/printable.js';

/**
 * Says how the issuer that metadata name differs from the configured one, where that is a small thing. Both must be equal, character by
 * character (RFC 8414 §3.3).
 */
export function differenceOf(configured: string, found: string): string {
  const quoted = `"${printable(found)}"`;
  const bare = (text: string): string => text.replace(/\/+$/, '');
  if (/\{.*\}/.test(found))
    return `is ${quoted}, with a placeholder for the tenant: the configured URL is for many tenants`;
  if (bare(found) === bare(configured))
    return found.endsWith('/')
      ? `is ${quoted}, with a slash at the end`
      : `is ${quoted}, without a slash at the end`;
  if (found.toLowerCase() === configured.toLowerCase())
    return `is ${quoted}, with other upper-case and lower-case letters`;
  const [one, other] = [found, configured].map((text) => text.replace(/^https?:/, ''));
  if (one === other) return `is ${quoted}, with ${found.split(':', 1)[0]} instead`;
  return `is ${quoted}`;
}
