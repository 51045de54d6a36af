import { IMPERSONATE, MANAGE_USERS } from '../../sessions/impersonation.js';
import type { Operation, Operations } from './operation.js';

const caller = { scope: MANAGE_USERS };
const ended = { caller, answers: { 204: 'empty' }, errors: ['NOT_FOUND'] } as const;

/** What administrators do with users. */
export const adminOperations: Operations = {
  'GET /users': {
    operationId: 'listUsers',
    summary: 'List users in the order of their ids',
    caller,
    query: ['limit', 'after'],
    answers: { 200: 'UserList' },
  },
  'POST /users': {
    operationId: 'createUser',
    summary: 'Add a user',
    caller,
    json: 'CreateUserRequest',
    answers: { 201: 'User' },
    errors: ['PASSWORD_POLICY', 'CONFLICT'],
  },
  'PATCH /users/:id': {
    operationId: 'updateUser',
    summary: 'Change a user; disabling one ends all sessions',
    caller,
    json: 'UpdateUserRequest',
    answers: { 200: 'User' },
    errors: ['NOT_FOUND', 'CONFLICT'],
  },
  'DELETE /users/:id': {
    operationId: 'deleteUser',
    summary: 'Remove a user',
    ...ended,
  },
  'GET /users/:id/sessions': {
    operationId: 'listUserSessions',
    summary: "List a user's sessions, the newest first",
    caller,
    query: ['limit', 'after'],
    answers: { 200: 'SessionList' },
    errors: ['NOT_FOUND'],
  },
  'DELETE /users/:id/sessions': {
    operationId: 'endUserSessions',
    summary: "End all of a user's sessions",
    ...ended,
  },
  'DELETE /users/:id/sessions/:session': {
    operationId: 'endUserSession',
    summary: "End one of a user's sessions",
    ...ended,
  },
  'GET /users/:id/identities': {
    operationId: 'listUserIdentities',
    summary: 'List what a user can sign in with',
    caller,
    answers: { 200: 'WaysIn' },
    errors: ['NOT_FOUND'],
  },
  'DELETE /users/:id/identities/:provider': {
    operationId: 'removeUserIdentity',
    summary: 'Remove a provider from what a user can sign in with',
    ...ended,
  },
  'GET /users/:id/keys': {
    operationId: 'listUserKeys',
    summary: "List a user's API keys",
    caller,
    query: ['resource'],
    answers: { 200: 'ApiKeyList' },
    errors: ['NOT_FOUND'],
  },
  'DELETE /users/:id/keys/:key': {
    operationId: 'endUserKey',
    summary: "End one of a user's API keys",
    ...ended,
  },
  'POST /users/:id/reset-password': {
    operationId: 'resetUserPassword',
    summary: 'Mail a user a temporary password; all other ways to sign in and all sessions end',
    caller,
    answers: { 202: 'Accepted' },
    errors: ['NOT_FOUND', 'CONFLICT'],
  },
  'POST /users/:id/impersonate': {
    operationId: 'impersonate',
    summary: 'Begin a short session in which the caller acts as another user',
    description: 'Takes a sign-in of the last ten minutes.',
    caller: { scope: IMPERSONATE },
    json: 'ImpersonateRequest',
    answers: { 200: 'Tokens' },
    errors: ['AUTH_CONTEXT_REQUIRED', 'IMPERSONATION_DENIED', 'NOT_FOUND', 'CONFLICT'],
  } satisfies Operation,
};
