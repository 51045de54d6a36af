import { describe, expect, it } from 'vitest';
import { redirectToPage, safeReturnTo, withParameters } from '../../lib/http/redirects.js';

describe('W13 half a surrogate pair', () => {
  const half = String.fromCharCode(0xd8_00);

  it.each([`/${half}`, `/a?x=${half}`, `/a#${half}`])('makes no place of ours: %j', (place) => {
    expect(safeReturnTo(place)).toBe('/');
  });

  it('in a parameter of a redirect becomes the replacement character', () => {
    expect(withParameters('/page', { name: half })).toBe('/page?name=%EF%BF%BD');
  });

  it('in the address of a request still leads to the sign-in page', () => {
    const headers = new Map<string, string>();
    const response = {
      statusCode: 200,
      setHeader: (name: string, value: string) => headers.set(name, value),
      end: () => undefined,
    };
    redirectToPage({ originalUrl: `/a?x=${half}` }, response, '/signin');
    expect(response.statusCode).toBe(303);
    expect(headers.get('Location')).toBe('/signin?returnTo=%2F');
  });
});
