import { randomBytes } from 'node:crypto';
import { SignJWT } from 'jose';

export interface DemoIssuer {
  /** What AUTH_JWT_ISSUER, AUTH_JWT_AUDIENCE and AUTH_JWT_SECRET would say. */
  readonly jwt: { readonly issuer: string; readonly audience: string[]; readonly secret: string };
  readonly sign: (username: string, scope: string) => Promise<string>;
}

/** Stands for whoever issued tokens before there was a log-in of our own. */
export function createDemoIssuer(): DemoIssuer {
  const issuer = 'https://id.example.com/';
  const audience = ['https://bff.example.com'];
  const secret = randomBytes(48).toString('base64');
  return {
    jwt: { issuer, audience, secret },
    sign: (username, scope) =>
      new SignJWT({ preferred_username: username, scope })
        .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(username)
        .setIssuedAt()
        .setExpirationTime('1h')
        .sign(new TextEncoder().encode(secret)),
  };
}
