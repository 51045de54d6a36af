import type { JsonObject } from './minter.js';
import type { TestIssuer } from './test-issuer.js';

/** Anything that takes a header: a supertest request, a superagent, `Headers`. */
export interface TakesHeaders {
  set(name: string, value: string): unknown;
}

/**
 * Gives the request a fresh access token with these claims, and returns the request, so that calls can be chained.
 * Returns no promise: a supertest request is thenable, and a promise of one would send it.
 *
 * @example
 * await authorize(request(app).get('/me'), issuer, { scope: 'reports:read' }).expect(200);
 */
export function authorize<Target extends TakesHeaders>(
  request: Target,
  issuer: Pick<TestIssuer, 'mintSync'>,
  claims?: JsonObject,
): Target {
  request.set('Authorization', `Bearer ${issuer.mintSync(claims)}`);
  return request;
}
