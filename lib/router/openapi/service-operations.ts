import type { Operations } from './operation.js';

/** Identity providers. */
export const providerOperations: Operations = {
  'GET /providers': {
    operationId: 'listProviders',
    summary: 'List the ways to sign in',
    caller: 'none',
    answers: { 200: 'ProviderList' },
  },
  'POST /exchange': {
    operationId: 'exchange',
    summary: 'Exchange the one-time code of a sign-in with a provider for tokens',
    description: 'Takes the `code_verifier`, or the cookie of the browser that signed in.',
    caller: 'none',
    json: 'ExchangeRequest',
    isBound: true,
    answers: { 200: 'Tokens' },
    errors: ['LOGIN_FAILED', 'LOGIN_DENIED'],
  },
  'POST /google': {
    operationId: 'signInWithGoogle',
    summary: "Sign in by an ID token of Google's client library",
    caller: 'none',
    json: 'GoogleRequest',
    isBound: true,
    answers: { 200: 'Tokens' },
    errors: ['LOGIN_FAILED', 'LOGIN_DENIED', 'KEYS_UNAVAILABLE'],
  },
  'POST /backchannel/:provider': {
    operationId: 'backchannelLogout',
    summary: "End the sessions that a provider's logout token names",
    description: 'Called by the provider (OpenID Connect Back-Channel Logout 1.0).',
    caller: 'none',
    form: 'BackchannelLogoutRequest',
    isCrossSite: true,
    answers: { 200: 'empty' },
    errors: ['NOT_FOUND', 'KEYS_UNAVAILABLE'],
  },
};

/** What the service says of itself. */
export const serviceOperations: Operations = {
  'GET /status': {
    operationId: 'status',
    summary: 'Tell whether requests are well served',
    caller: 'none',
    isUnlimited: true,
    answers: { 200: 'Status', 503: 'Status' },
  },
  'GET /jwks.json': {
    operationId: 'publicKeys',
    summary: 'Public keys of the access tokens (RFC 7517)',
    caller: 'none',
    answerType: 'application/jwk-set+json',
    answers: { 200: 'Jwks' },
  },
  'GET /openapi.json': {
    operationId: 'openapi',
    summary: 'This document',
    caller: 'none',
    answers: { 200: 'OpenapiDocument' },
  },
};
