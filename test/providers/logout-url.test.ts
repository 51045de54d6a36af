import { describe, expect, it } from 'vitest';
import { habitsOf } from '../../lib/providers/habits/habits.js';
import { createLogoutUrl, type LogoutRequest } from '../../lib/providers/logout-url.js';

const ENDPOINT = 'https://id.example.com/logout';

const request: LogoutRequest = {
  issuer: 'https://id.example.com',
  clientId: 'reports',
  endpoint: ENDPOINT,
  idToken: 'a.b.c',
  hints: { sid: 'sid-1', login_hint: 'O.hint' },
  returnTo: 'https://app.example/',
};

function parametersOf(url: URL | undefined) {
  return url && Object.fromEntries(url.searchParams);
}

describe('the way to the log-out of a provider', () => {
  it('keeps the parameters that the endpoint has, and always names the client', () => {
    const url = createLogoutUrl({
      ...request,
      endpoint: `${ENDPOINT}?p=b2c_1_signin`,
      idToken: undefined,
    });
    expect(url?.href).toBe(
      `${ENDPOINT}?p=b2c_1_signin&client_id=reports&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F`,
    );
  });

  it('has the ID token as long as it is 2,048 characters long at most', () => {
    const without = createLogoutUrl({ ...request, idToken: '' });
    const room = 2048 - (without?.href.length ?? 0);
    const longest = createLogoutUrl({ ...request, idToken: 'x'.repeat(room) });
    expect(longest?.href).toHaveLength(2048);
    const longer = createLogoutUrl({ ...request, idToken: 'x'.repeat(room + 1) });
    expect(parametersOf(longer)).toEqual({
      client_id: 'reports',
      post_logout_redirect_uri: 'https://app.example/',
    });
  });

  it('has no hint that is too long, or no text', () => {
    for (const hint of ['x'.repeat(2048), 7, undefined, ['O.hint']]) {
      const of = { ...request, idToken: undefined, hints: { login_hint: hint } };
      const url = createLogoutUrl(of, habitsOf('entra')?.logout);
      expect(parametersOf(url)).toEqual({
        client_id: 'reports',
        post_logout_redirect_uri: 'https://app.example/',
      });
    }
  });

  it('is there for tenants of Auth0 whose metadata have none', () => {
    const of = { ...request, endpoint: undefined, issuer: 'https://thing.eu.auth0.com/' };
    const url = createLogoutUrl(of, habitsOf('auth0')?.logout);
    expect(url?.href).toBe(
      'https://thing.eu.auth0.com/v2/logout?client_id=reports&returnTo=https%3A%2F%2Fapp.example%2F',
    );
  });

  it.each(['generic', 'keycloak', 'okta', 'entra', 'cognito', 'google'] as const)(
    'is not there for %s without an endpoint',
    (preset) => {
      const of = { ...request, endpoint: undefined };
      expect(createLogoutUrl(of, habitsOf(preset)?.logout)).toBeUndefined();
    },
  );

  it('leads to Okta with an ID token only', () => {
    const { logout } = habitsOf('okta') ?? {};
    expect(createLogoutUrl({ ...request, idToken: undefined }, logout)).toBeUndefined();
    expect(parametersOf(createLogoutUrl(request, logout))).toMatchObject({
      id_token_hint: 'a.b.c',
    });
  });
});
