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
    redirectToPage({ originalUrl: `/a?x=${half}` }, response, {
      page: '/signin',
      publicPath: '',
    });
    expect(response.statusCode).toBe(303);
    expect(headers.get('Location')).toBe('/signin?returnTo=%2F');
  });
});

describe('below a path', () => {
  it.each([
    { returnTo: '/app/inside?a=/b#c', place: '/app/inside?a=/b#c' },
    { returnTo: '/app', place: '/app' },
    { returnTo: '/app?a', place: '/app?a' },
    { returnTo: '/inside?a=/app/', place: '/app/inside?a=/app/' },
    { returnTo: '/', place: '/app/' },
    { returnTo: '/app/../other', place: '/app/other' },
    { returnTo: '/app/%2e%2e/other', place: '/app/other' },
    { returnTo: '/application', place: '/app/application' },
    { returnTo: '//evil.example', place: '/app/' },
    { returnTo: '/.//evil.example', place: '/app/' },
    { returnTo: 'https://evil.example/app/', place: '/app/' },
    { returnTo: undefined, place: '/app/' },
  ])('$returnTo is $place', ({ returnTo, place }) => {
    expect(safeReturnTo(returnTo, '/app')).toBe(place);
  });
});
