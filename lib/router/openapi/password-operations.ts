import type { Operation, Operations } from './operation.js';

const login: Operation = {
  operationId: 'login',
  summary: 'Sign in with a password',
  description:
    'Takes either `username` or `email`. With `delivery: cookie` the refresh token is set as the session cookie and is not part of the answer.',
  caller: 'none',
  json: 'LoginRequest',
  isBound: true,
  answers: { 200: 'Tokens' },
  errors: ['INVALID_CREDENTIALS'],
};

/** Signing in and up with a password, and what belongs to one. */
export const passwordOperations: Operations = {
  'POST /login': login,
  'POST /token': {
    ...login,
    operationId: 'token',
    summary: 'Sign in with a password; the same as POST /login',
  },
  'POST /change-password': {
    operationId: 'changePassword',
    summary: "Set a new password by the old one; all the user's other sessions end",
    caller: 'newPassword',
    json: 'ChangePasswordRequest',
    answers: { 200: 'Tokens' },
    errors: ['INVALID_CREDENTIALS', 'PASSWORD_POLICY'],
  },
  'POST /forgot-password': {
    operationId: 'forgotPassword',
    summary: 'Ask for a mail with a link to set a new password',
    description: '202 for every address.',
    caller: 'none',
    json: 'ForgotPasswordRequest',
    answers: { 202: 'Accepted' },
  },
  'POST /reset-password': {
    operationId: 'resetPassword',
    summary: 'Set a new password by a mailed token, and sign in',
    caller: 'none',
    json: 'ResetPasswordRequest',
    isBound: true,
    answers: { 200: 'Tokens' },
    errors: ['PASSWORD_POLICY'],
  },
  'POST /sign-up': {
    operationId: 'signUp',
    summary: 'Ask for an account; a mail with a token follows',
    description: '202 for every address.',
    caller: 'none',
    json: 'SignUpRequest',
    answers: { 202: 'Accepted' },
    errors: ['PASSWORD_POLICY'],
  },
  'POST /verify-email': {
    operationId: 'verifyEmail',
    summary: 'Prove an e-mail address by a mailed token',
    description:
      "A sign-up becomes an account and is answered with tokens; an account's new address with 204. `password` is that of the sign-up or of the account; without it a new address takes a session of its user.",
    caller: 'optional',
    json: 'VerifyEmailRequest',
    isBound: true,
    answers: { 200: 'Tokens', 204: 'empty' },
    errors: ['INVALID_CREDENTIALS', 'CREDENTIALS_MISSING', 'CONFLICT'],
  },
  'POST /change-email': {
    operationId: 'changeEmail',
    summary: 'Ask for another e-mail address; a mail with a token follows',
    description: '202 for every address. Takes the password, or a sign-in of the last ten minutes.',
    caller: 'user',
    json: 'ChangeEmailRequest',
    answers: { 202: 'Accepted' },
    errors: ['INVALID_CREDENTIALS', 'AUTH_CONTEXT_REQUIRED'],
  },
};
