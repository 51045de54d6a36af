import { createAuth } from 'latchkey';
import { runExample } from '../../run-example.js';
import { requireDevelopment } from '../demo/for-development.js';
import { createDemo } from '../demo/sign-in.js';
import { createApp } from './app.js';

runExample(async (origin) => {
  // AUTH_OIDC_ISSUER and its like say where users sign in. Without them a provider is made up, and the rest with it.
  const demo = process.env.AUTH_OIDC_ISSUER ? undefined : await createDemo(origin);
  if (demo) requireDevelopment('AUTH_OIDC_ISSUER and the other variables of the README');
  const auth = createAuth({
    ...demo?.settings,
    appName: 'Example Shop',
    passwordLogin: false,
    // Every guard also takes the session cookie, so that the API's guards stay as they are.
    cookieSessions: true,
    tokenScopes: () => ['data.read'],
  });
  const app = createApp(auth, origin);
  const provider =
    demo &&
    `The local provider, Example Corp, lets everybody in under any name and password.

# A client of step 2 goes on with its token: 200
curl -i -H "Authorization: Bearer ${await demo.formerToken()}" ${origin}/api/data
`;
  return {
    app: demo ? demo.beside(app) : app,
    instructions: `Open ${origin}/ in a browser. Reports send you to sign in.\n${provider ?? ''}`,
    close: () => auth.close(),
  };
});
