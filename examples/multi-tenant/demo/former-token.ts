import { createHmac } from 'node:crypto';

export interface FormerClaims {
  readonly iss: string;
  readonly aud: string;
  readonly sub: string;
  readonly user_id: number;
  readonly role: string;
  /** Seconds since 1970. */
  readonly exp: number;
}

/** A token as the former system has signed it, to try with. An application that moves needs none: its users have them. */
export function signFormerToken(claims: FormerClaims, secret: string): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
