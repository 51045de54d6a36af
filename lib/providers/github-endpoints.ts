/** GitHub: OAuth 2.0 with PKCE, without discovery and ID tokens. GitHub Enterprise Server has other addresses. */
export const github = {
  label: 'GitHub',
  /** Our key for GitHub's accounts, kept in every store. It doesn't follow what GitHub calls itself. */
  accountIssuer: 'https://github.com',
  /** GitHub's own name, sent as `iss` with its callbacks (RFC 9207 §2) since 2026, though not with all of them. */
  issuer: 'https://github.com/login/oauth',
  authorizationEndpoint: 'https://github.com/login/oauth/authorize',
  tokenEndpoint: 'https://github.com/login/oauth/access_token',
  userEndpoint: 'https://api.github.com/user',
  emailsEndpoint: 'https://api.github.com/user/emails',
  scope: 'read:user user:email',
} as const;
