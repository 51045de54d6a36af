/** GitHub: OAuth 2.0 with PKCE, without discovery and ID tokens. GitHub Enterprise Server has other addresses. */
export const github = {
  label: 'GitHub',
  /** Names GitHub where accounts are kept; GitHub itself names no issuer. */
  issuer: 'https://github.com',
  authorizationEndpoint: 'https://github.com/login/oauth/authorize',
  tokenEndpoint: 'https://github.com/login/oauth/access_token',
  userEndpoint: 'https://api.github.com/user',
  emailsEndpoint: 'https://api.github.com/user/emails',
  scope: 'read:user user:email',
} as const;
