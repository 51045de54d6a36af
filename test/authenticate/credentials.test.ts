import { describe, expect, it } from 'vitest';
import { createCredentialFinder } from '../../lib/authenticate/credentials.js';

const findCredential = createCredentialFinder({ realm: 'invoices' });

describe('the credential of a request', () => {
  it.each([
    { authorization: undefined, found: undefined },
    { authorization: 'Bearer token', found: 'token' },
    { authorization: 'bearer token', found: 'token' },
    { authorization: 'BEARER token', found: 'token' },
    { authorization: 'Bearer  token', found: 'token' },
    { authorization: 'Bearer     token', found: 'token' },
    { authorization: 'bearer   a  b', found: 'a  b' },
    { authorization: 'Bearer a b', found: 'a b' },
    { authorization: '', found: undefined },
    { authorization: 'token', found: undefined },
    { authorization: 'Basic dXNlcjpwYXNz', found: undefined },
    { authorization: 'Digest token', found: undefined },
    { authorization: 'Basic Bearer ', found: undefined },
    { authorization: 'Bearertoken', found: undefined },
    { authorization: 'Bearer-token', found: undefined },
    { authorization: 'xBearer token', found: undefined },
    { authorization: ' Bearer token', found: undefined },
  ])('in the header $authorization is $found', ({ authorization, found }) => {
    expect(findCredential({ headers: { authorization } })?.value).toBe(found);
  });

  it.each([
    ...['Bearer', 'bearer', 'Bearer  ', 'bearer ', 'DPoP', 'dpop '],
    ...['Bearer\ttoken', 'Bearer,token', 'Bearer: token', 'bearer="token"', 'DPoP\ttoken'],
  ])('is malformed in the header "%s"', (authorization) => {
    expect(() => findCredential({ headers: { authorization } })).toThrow(
      expect.objectContaining({
        ...{ code: 'INVALID_TOKEN', reason: 'malformed' },
        headers: expect.objectContaining({
          'WWW-Authenticate': 'Bearer realm="invoices", error="invalid_token"',
        }),
      }),
    );
  });

  it.each([
    { title: 'twice', names: ['Authorization', 'Authorization'] },
    { title: 'twice in other letters', names: ['authorization', 'AUTHORIZATION'] },
    { title: 'twice with others between', names: ['Authorization', 'Host', 'Authorization'] },
    { title: 'three times', names: ['Authorization', 'Authorization', 'Authorization'] },
  ])('is refused when the header comes $title', ({ names }) => {
    const request = {
      headers: { authorization: 'Bearer token' },
      rawHeaders: names.flatMap((name) => [name, 'Bearer token']),
    };
    expect(() => findCredential(request)).toThrow(
      expect.objectContaining({
        ...{ code: 'INVALID_REQUEST', status: 400, reason: 'repeated_credential' },
        headers: expect.objectContaining({
          'WWW-Authenticate': 'Bearer realm="invoices", error="invalid_request"',
        }),
      }),
    );
  });

  it.each([
    { title: 'once', rawHeaders: ['Authorization', 'Bearer token'] },
    {
      title: 'once beside repeated headers with names as long',
      rawHeaders: ['If-None-Match', '"1"', 'If-None-Match', '"2"', 'Authorization', 'Bearer token'],
    },
    {
      title: 'once, and its name is the value of others',
      rawHeaders: ['Vary', 'Authorization', 'X', 'authorization', 'Authorization', 'Bearer token'],
    },
    { title: 'in a list without raw headers', rawHeaders: [] },
    { title: 'without a list of raw headers', rawHeaders: undefined },
  ])('is found when the header comes $title', ({ rawHeaders }) => {
    const headers = { authorization: 'Bearer token' };
    expect(findCredential({ headers, ...(rawHeaders && { rawHeaders }) })?.value).toBe('token');
  });
});

describe('API keys and DPoP tokens', () => {
  const findAny = createCredentialFinder({ realm: 'invoices', apiKeys: true });

  it.each([
    { headers: { 'x-api-key': 'key' }, found: { kind: 'api_key', value: 'key' } },
    { headers: { authorization: 'DPoP token' }, found: { kind: 'dpop', value: 'token' } },
    { headers: { authorization: 'dpop  token' }, found: { kind: 'dpop', value: 'token' } },
    // A proxy's own password in front of the application is no credential of ours.
    {
      headers: { authorization: 'Basic dXNlcjpwYXNz', 'x-api-key': 'key' },
      found: { kind: 'api_key', value: 'key' },
    },
    { headers: { 'api-key': 'key' }, found: undefined },
  ])('are found in $headers', ({ headers, found }) => {
    expect(findAny({ headers })).toEqual(found);
  });

  it.each(['Bearer token', 'DPoP token', 'bearer  token'])('are refused beside %s', (token) => {
    const headers = { authorization: token, 'x-api-key': 'key' };
    expect(() => findAny({ headers })).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', reason: 'mixed_credentials' }),
    );
    expect(findCredential({ headers })?.value).toBe('token');
  });

  it('are refused twice in one request', () => {
    const request = {
      headers: { 'x-api-key': 'one, two' },
      rawHeaders: ['X-API-Key', 'one', 'x-api-key', 'two'],
    };
    expect(() => findAny(request)).toThrow(
      expect.objectContaining({ code: 'INVALID_REQUEST', reason: 'repeated_credential' }),
    );
  });

  it('are not looked at where the application has none', () => {
    expect(findCredential({ headers: { 'x-api-key': 'key' } })).toBeUndefined();
  });
});
