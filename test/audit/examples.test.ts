import { createAuth } from 'latchkey';
import { afterAll, expect, it } from 'vitest';
import { createApp as embeddedApp } from '../../examples/embedded-app/app.js';
import { createApp as multiTenant } from '../../examples/multi-tenant/app.js';
import { createInvoices } from '../../examples/multi-tenant/invoices.js';
import { createApp as trpc } from '../../examples/recipes/trpc/app.js';
import { createApp as verifyingBff } from '../../examples/same-origin-bff/2-verify/app.js';
import { createApp as signInBff } from '../../examples/same-origin-bff/3-sign-in/app.js';
import { createApp as scaleOut } from '../../examples/scale-out/app.js';
import { BASE } from '../world/auth-server.js';

const origin = 'http://localhost:3000';
const auth = createAuth({
  ...BASE,
  publicUrl: origin,
  ownOrganisations: true,
});
afterAll(() => auth.close());

it.each([
  {
    example: 'embedded-app',
    app: embeddedApp(auth, { platformOrigin: origin, apiUrl: origin, allowedOrigins: [] }),
    guarded: 3,
    unguarded: ['GET /'],
  },
  {
    example: 'multi-tenant',
    app: multiTenant({
      auth,
      invoices: createInvoices(),
      sendMail: () => undefined,
      clientFolder: '.',
    }),
    guarded: 7,
    unguarded: [],
  },
  {
    example: 'scale-out',
    app: scaleOut(auth, { name: 'a', isEnding: false }),
    guarded: 1,
    unguarded: ['GET /live', 'GET /ready'],
  },
  {
    example: 'same-origin-bff/2-verify',
    app: verifyingBff(auth, origin),
    guarded: 2,
    unguarded: ['GET /', 'GET /api/products', 'GET /explorer'],
  },
  {
    example: 'same-origin-bff/3-sign-in',
    app: signInBff(auth, origin),
    guarded: 3,
    unguarded: ['GET /', 'GET /api/products', 'GET /explorer'],
  },
  // Its procedures ask who calls, each by itself.
  { example: 'trpc', app: trpc(auth), guarded: 0, unguarded: ['ALL /api/trpc/*'] },
])('the example $example has no route without a guard but those listed', ({ app, ...expected }) => {
  const routes = auth.routes(app);
  const wrong = routes.flatMap(({ findings }) => findings.filter((each) => each !== 'unguarded'));
  expect(wrong).toEqual([]);
  expect(routes.filter(({ protection }) => protection === 'guarded')).toHaveLength(
    expected.guarded,
  );
  const unguarded = routes.filter(({ protection }) => protection === 'none');
  expect(unguarded.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual(
    expected.unguarded,
  );
});
