import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SECRET } from '../world/auth-server.js';
import { keyPair } from '../world/key-pairs.js';
import { findingsOf, flawsIn, HEALTHY, TODAY } from './inspect.js';

const pemOf = (key: { readonly privateKey: { export(options: object): string | Buffer } }) =>
  String(key.privateKey.export({ type: 'pkcs8', format: 'pem' }));
const EC_KEY = pemOf(keyPair('P-256'));
const RSA_KEY = pemOf(keyPair('RSA-2048'));
const { AUTH_JWT_SECRET, ...WITHOUT_SECRET } = HEALTHY;
const OTHER_SECRET = AUTH_JWT_SECRET.split('').toReversed().join('');

describe('nothing is found in', () => {
  it.each([
    { title: 'an application that signs with a secret', env: {} },
    { title: 'one with a root secret of its own', env: { AUTH_SECRET: OTHER_SECRET } },
    { title: 'one below a path', env: { AUTH_PUBLIC_URL: 'https://example.com/app' } },
    {
      title: 'one that pages of another origin use',
      env: { AUTH_CORS_ORIGINS: 'https://a.example' },
    },
    { title: 'one that a mobile app uses', env: { AUTH_CORS_ORIGINS: 'capacitor://localhost' } },
    {
      title: 'one that a platform frames',
      env: { AUTH_FRAME_ANCESTORS: "'self',https://p.example" },
    },
    { title: 'one with tokens for an hour', env: { AUTH_ACCESS_TTL: '1h' } },
    { title: 'one with API keys', env: { AUTH_API_KEYS: 'on' } },
    {
      title: 'one with a region in its API keys',
      env: { AUTH_API_KEYS: 'on', AUTH_API_KEY_ENVIRONMENT: 'eu1' },
    },
    { title: 'two processes that share PostgreSQL', env: { WEB_CONCURRENCY: '2' } },
    {
      title: 'two processes of a machine that share a file',
      env: { WEB_CONCURRENCY: '2', AUTH_STORE_URL: 'file:./a.db' },
    },
    { title: 'one in Kubernetes', env: { KUBERNETES_SERVICE_HOST: '10.0.0.1' } },
    {
      title: 'one whose secret is hexadecimal',
      env: { AUTH_JWT_SECRET: 'd1b8d2ad4b1f4f5c9e7a3c6b8f0e2d4a6c8e0f1b3d5a7c9e' },
    },
    {
      title: 'one whose secret is a UUID, twice',
      env: {
        AUTH_JWT_SECRET:
          '5e0f9d7a-52c6-4b1e-9a3d-7f6b8c1d2e3f-a81c6f3e-0d94-4e57-b2c8-6f1a9d3e5b70',
      },
    },
  ])('$title', ({ env }) => {
    expect(flawsIn(findingsOf({ ...HEALTHY, ...env }))).toEqual([]);
  });

  it('an API that only verifies', () => {
    const env = {
      NODE_ENV: 'production',
      AUTH_JWT_ISSUER: 'https://id.example.com/',
      AUTH_JWT_AUDIENCE: 'https://api.example.com',
      AUTH_JWKS_URL: 'https://id.example.com/jwks.json',
    };
    const findings = findingsOf(env);
    expect(flawsIn(findings)).toEqual([]);
    // Nor is anything said of what it doesn't have.
    expect(findings.map(({ check }) => check)).toEqual(
      expect.not.arrayContaining(['access_lifetime', 'cookies', 'store', 'login_limit']),
    );
  });

  it.each([
    { title: 'an EC key', key: EC_KEY },
    { title: 'an RSA key of 2048 bits', key: RSA_KEY },
  ])('an application that signs with $title', ({ key }) => {
    const env = { ...WITHOUT_SECRET, AUTH_JWT_PRIVATE_KEY: key, AUTH_SECRET: SECRET };
    expect(flawsIn(findingsOf(env))).toEqual([]);
  });
});

describe('is found:', () => {
  it.each([
    {
      title: 'a problem of a setting',
      env: { AUTH_ACCESS_TTL: 'soon' },
      flaw: 'fail configuration',
    },
    {
      title: 'http in production',
      env: { AUTH_PUBLIC_URL: 'http://localhost' },
      flaw: 'fail configuration',
    },
    {
      title: 'a leaked secret',
      env: { AUTH_JWT_SECRET: 'my-32-character-ultra-secure-and-ultra-long-secret' },
      flaw: 'fail configuration',
    },
    { title: 'a misspelt variable', env: { AUTH_ACCES_TTL: '5m' }, flaw: 'warn config_warnings' },
    {
      title: 'keys over plain http',
      env: { AUTH_JWKS_ALLOW_HTTP: 'keycloak:8080' },
      flaw: 'warn config_warnings',
    },
    {
      title: 'a secret of words',
      env: { AUTH_JWT_SECRET: 'acme invoices signing phrase for 2026' },
      flaw: 'warn key_strength',
    },
    {
      title: 'a root secret of words',
      env: { AUTH_SECRET: 'harbour-kettle-orchid-violin-saddle' },
      flaw: 'warn key_strength',
    },
    {
      title: 'one secret for two purposes',
      env: { AUTH_SECRET: SECRET },
      flaw: 'warn shared_secret',
    },
    {
      title: 'access tokens for a day',
      env: { AUTH_ACCESS_TTL: '1d' },
      flaw: 'warn access_lifetime',
    },
    {
      title: 'a session that ends before its token',
      env: { AUTH_ACCESS_TTL: '1h', AUTH_REFRESH_IDLE_TTL: '30m' },
      flaw: 'warn session_lifetimes',
    },
    {
      title: 'tolerance for bad clocks',
      env: { AUTH_CLOCK_TOLERANCE: '5m' },
      flaw: 'warn clock_tolerance',
    },
    {
      title: "the developer's own address",
      env: { AUTH_PUBLIC_URL: 'https://localhost:3000' },
      flaw: 'fail public_url',
    },
    { title: 'every origin', env: { AUTH_CORS_ORIGINS: '*' }, flaw: 'warn cors' },
    {
      title: 'an origin of plain http',
      env: { AUTH_CORS_ORIGINS: 'http://app.example.com' },
      flaw: 'warn cors',
    },
    {
      title: "a developer's page",
      env: { AUTH_CORS_ORIGINS: 'https://a.example,http://localhost:5173' },
      flaw: 'warn cors',
    },
    {
      title: 'all hosts of a domain',
      env: { AUTH_CORS_ORIGINS: 'https://*.example.com' },
      flaw: 'warn cors',
    },
    {
      title: 'a frame on plain http',
      env: { AUTH_FRAME_ANCESTORS: 'http://p.example' },
      flaw: 'warn frame_ancestors',
    },
    {
      title: 'a log-in limit that lets guess',
      env: { AUTH_LOGIN_LIMIT: '100/1m' },
      flaw: 'warn login_limit',
    },
    {
      title: 'a rate limit that limits nothing',
      env: { AUTH_RATE_LIMIT: '1000/1s' },
      flaw: 'warn rate_limit',
    },
    { title: 'memory in production', env: { AUTH_STORE_URL: 'memory:' }, flaw: 'warn store' },
    {
      title: 'memory with several workers',
      env: { AUTH_STORE_URL: 'memory:', WEB_CONCURRENCY: '2' },
      flaw: 'fail store',
    },
    {
      title: 'memory with several processes of PM2',
      env: { AUTH_STORE_URL: 'memory:', pm_id: '0', instances: '4' },
      flaw: 'fail store',
    },
    {
      title: 'memory in the second process',
      env: { AUTH_STORE_URL: 'memory:', NODE_APP_INSTANCE: '1' },
      flaw: 'fail store',
    },
    {
      title: 'a file where instances come and go',
      env: { AUTH_STORE_URL: 'file:./a.db', K_SERVICE: 'app' },
      flaw: 'warn store',
    },
    {
      title: 'test keys in production',
      env: { AUTH_API_KEYS: 'on', AUTH_API_KEY_ENVIRONMENT: 'test' },
      flaw: 'warn api_keys',
    },
    {
      title: 'a misspelt name of a check',
      env: { AUTH_ACCEPTED_WARNINGS: 'access_lifetimes' },
      flaw: 'warn accepted_warnings',
    },
    { title: 'no production at all', env: { NODE_ENV: undefined }, flaw: 'warn node_env' },
  ])('$title', ({ env, flaw }) => {
    const findings = findingsOf({ ...HEALTHY, ...env });
    expect(flawsIn(findings)).toEqual([flaw]);
    expect(JSON.stringify(findings)).not.toContain(SECRET);
  });

  it.each([
    {
      title: 'cookies of no known address',
      env: { AUTH_PUBLIC_URL: undefined, AUTH_JWT_ISSUER: 'me' },
      flaw: 'warn cookies',
    },
    {
      title: 'the way in for developers',
      env: { AUTH_STANDALONE: 'true', AUTH_DEV_TOKEN: 'a.b.c' },
      flaw: 'warn dev_token',
    },
    {
      title: 'live keys',
      env: { AUTH_API_KEYS: 'on', AUTH_API_KEY_ENVIRONMENT: 'live' },
      flaw: 'warn api_keys',
    },
  ])('outside of production, $title', ({ env, flaw }) => {
    const found = flawsIn(findingsOf({ ...HEALTHY, NODE_ENV: undefined, ...env }));
    expect(found.toSorted()).toEqual([flaw, 'warn node_env'].toSorted());
  });

  it('a short RSA key, once its time comes to an end', () => {
    const env = { ...WITHOUT_SECRET, AUTH_JWT_PRIVATE_KEY: RSA_KEY, AUTH_SECRET: SECRET };
    const today = { ...TODAY, now: Date.UTC(2030, 1), nodeVersion: '40.0.0' };
    expect(flawsIn(findingsOf(env, { today }))).toEqual(['warn key_strength']);
  });

  it('a key in a file of three years ago', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-doctor-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = path.join(folder, 'secret.txt');
    writeFileSync(file, SECRET);
    const env = { ...WITHOUT_SECRET, AUTH_JWT_SECRET_FILE: file };
    const writtenIn = (year: number) => utimesSync(file, year, Date.UTC(year, 0) / 1000);
    writtenIn(2025);
    expect(flawsIn(findingsOf(env))).toEqual([]);
    writtenIn(2023);
    expect(flawsIn(findingsOf(env))).toEqual(['warn key_age']);
  });
});

it('a store that the application brings is not judged by the URL', () => {
  const env = { ...HEALTHY, AUTH_STORE_URL: 'memory:', WEB_CONCURRENCY: '4' };
  const judged = findingsOf(env, { hasOwnStore: true });
  expect(flawsIn(judged)).toEqual([]);
});

it('names the setting where it was given', () => {
  const findings = findingsOf(HEALTHY, { overrides: { accessTtlSeconds: 86_400 } });
  const found = findings.find(({ check }) => check === 'access_lifetime');
  expect(found?.says).toContain('the option accessTtlSeconds');
});

it('an accepted warning is marked, and what fails cannot be accepted', () => {
  const env = {
    ...{ ...HEALTHY, AUTH_ACCESS_TTL: '7d', AUTH_PUBLIC_URL: 'https://localhost' },
    ...{ AUTH_REFRESH_IDLE_TTL: '30d', AUTH_ACCEPTED_WARNINGS: 'access_lifetime,public_url' },
  };
  const findings = findingsOf(env).filter(({ outcome }) => outcome !== 'pass');
  expect(findings).toEqual([
    expect.objectContaining({ check: 'access_lifetime', accepted: true }),
    expect.not.objectContaining({ accepted: true }),
  ]);
});

it.each([
  { nodeVersion: '20.20.2', now: Date.UTC(2026, 3, 29), flaws: [] },
  { nodeVersion: '20.20.2', now: Date.UTC(2026, 4, 1), flaws: ['warn node_version'] },
  { nodeVersion: '27.0.0', now: Date.UTC(2026, 4, 1), flaws: [] },
])('Node $nodeVersion is judged by the day: $now', ({ flaws, ...today }) => {
  expect(flawsIn(findingsOf(HEALTHY, { today }))).toEqual(flaws);
});

describe('a SQLite store without libsql', () => {
  it.each([
    { nodeVersion: '20.20.2', flaws: ['fail package_versions'] },
    { nodeVersion: '22.12.0', flaws: ['fail package_versions'] },
    { nodeVersion: '22.13.0', flaws: [] },
    { nodeVersion: '23.3.0', flaws: ['fail package_versions'] },
    { nodeVersion: '24.1.0', flaws: [] },
  ])('is judged by what Node $nodeVersion has: $flaws', ({ nodeVersion, flaws }) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-doctor-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const express = path.join(folder, 'node_modules', 'express');
    mkdirSync(express, { recursive: true });
    writeFileSync(path.join(express, 'package.json'), JSON.stringify({ version: '5.1.0' }));
    const env = { ...HEALTHY, AUTH_STORE_URL: 'file:./auth.db' };
    const today = { now: Date.UTC(2025, 0), nodeVersion };
    expect(flawsIn(findingsOf(env, { folder, today }))).toEqual(flaws);
  });
});
