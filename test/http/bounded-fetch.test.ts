import { describe, expect, it } from 'vitest';
import { assertRemoteUrl, readHttpHosts } from '../../lib/http/bounded-fetch.js';

describe('a URL to fetch from', () => {
  const allowHttpHosts = readHttpHosts(
    ['keycloak', 'IdP.internal:8080', 'plain:80', '[fd00::1]'],
    'hosts',
  );
  const production = {
    allowLoopbackHttp: false,
    allowHttpHosts,
    internalHosts: readHttpHosts(['inside', '10.0.0.7:8443', '[fd00::2]'], 'hosts'),
  };

  it.each([
    'https://anywhere.example/keys',
    'http://keycloak/keys',
    'http://keycloak:8080/keys',
    'http://KEYCLOAK:8080/keys',
    'http://idp.internal:8080/keys',
    'http://[fd00::1]:3000/keys',
    'http://plain/keys',
  ])('may be %s, where these hosts are allowed http', (url) => {
    expect(assertRemoteUrl(url, production).href).toBe(new URL(url).href);
  });

  it.each([
    'http://keycloak.evil.example/keys',
    'http://evil-keycloak/keys',
    'http://idp.internal/keys',
    'http://idp.internal:8081/keys',
    'http://plain:8080/keys',
    'http://sub.keycloak/keys',
    'http://localhost/keys',
    'http://user:password@keycloak/keys',
    'ftp://keycloak/keys',
    'keycloak:8080/keys',
  ])('is refused when it is %s', (url) => {
    expect(() => assertRemoteUrl(url, production)).toThrow(TypeError);
  });

  it('may be http on loopback only where that is allowed', () => {
    const url = 'http://127.0.0.1:1/keys';
    expect(assertRemoteUrl(url, { allowLoopbackHttp: true, internalHosts: 'any' }).href).toBe(url);
    expect(() => assertRemoteUrl(url, { allowLoopbackHttp: false, internalHosts: 'any' })).toThrow(
      TypeError,
    );
  });
});

describe('a list of hosts that may be fetched from over http', () => {
  it('takes names, addresses and ports', () => {
    const hosts = ['keycloak', 'keycloak:8080', '10.0.0.7', '[fd00::1]:80', 'Idp.Internal:80'];
    expect([...readHttpHosts(hosts, 'hosts')]).toEqual([
      'keycloak',
      'keycloak:8080',
      '10.0.0.7',
      '[fd00::1]:80',
      'idp.internal:80',
    ]);
  });

  it.each([
    '',
    '*',
    '*.internal',
    'http://keycloak',
    'keycloak/path',
    'keycloak?query',
    'keycloak#part',
    'user@keycloak',
    'keycloak:port',
    'two words',
    'fd00::1',
    7,
    null,
  ])('refuses %j', (host) => {
    const hosts = JSON.parse(JSON.stringify([host]));
    expect(() => readHttpHosts(hosts, 'hosts')).toThrow(TypeError);
  });

  it('refuses a text where a list belongs', () => {
    const hosts = JSON.parse('"keycloak"');
    expect(() => readHttpHosts(hosts, 'hosts')).toThrow(TypeError);
  });
});
