import { createAuth } from 'latchkey';
import { runExample } from '../../run-example.js';
import { requireDevelopment } from '../demo/for-development.js';
import { createDemoIssuer } from '../demo/issuer.js';
import { createApp } from './app.js';

runExample(async (origin) => {
  // These say whose tokens count. Where none is set, an issuer is made up.
  const { AUTH_JWT_ISSUER, AUTH_JWT_SECRET, AUTH_JWKS_URL } = process.env;
  const demo = AUTH_JWT_ISSUER || AUTH_JWT_SECRET || AUTH_JWKS_URL ? undefined : createDemoIssuer();
  if (demo) requireDevelopment('AUTH_JWT_ISSUER, AUTH_JWT_AUDIENCE and AUTH_JWKS_URL');
  const auth = createAuth(demo && { jwt: demo.jwt });
  const tokens =
    demo &&
    `
ADA=${await demo.sign('ada', 'data.read')}

GRACE=${await demo.sign('grace', '')}

# Ada has the scope data.read: 200
curl -i -H "Authorization: Bearer $ADA" ${origin}/api/data

# Grace lacks it: 403
curl -i -H "Authorization: Bearer $GRACE" ${origin}/api/data

# A page, with data that the API gave to Ada: 200
curl -i -H "Authorization: Bearer $ADA" ${origin}/reports

# In the browser, give a token to the API explorer.
`;
  return {
    app: createApp(auth, origin),
    instructions: `Open ${origin}/ in a browser. Reports want a token now.\n${tokens ?? ''}`,
    close: () => auth.close(),
  };
});
