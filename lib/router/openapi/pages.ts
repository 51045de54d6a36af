/**
 * Routes that are not in the document: pages, what their forms post, and addresses that browsers are sent to. They answer with HTML and
 * redirects, and are no interface for programs.
 */
export const pageRoutes: ReadonlySet<string> = new Set([
  'GET /signin',
  'POST /signin',
  'GET /signed-out',
  'GET /login',
  'GET /login/:provider',
  'POST /link/:provider',
  'GET /callback',
  'POST /callback',
  'GET /callback/:provider',
  'POST /callback/:provider',
  'GET /logout',
  'GET /logout/:provider',
  'GET /account',
  'POST /sessions',
  'POST /sessions/:id',
  'POST /identities/:provider',
  'POST /keys/:id',
  'POST /orgs/:id/members/:user',
  'GET /change-password',
  'GET /forgot-password',
  'GET /reset-password',
  'GET /sign-up',
  'GET /verify-email',
  'GET /change-email',
  'GET /accept-invitation',
]);
