import { afterEach, expect, it, vi } from 'vitest';
import { groups } from '../../lib/router/openapi/describe-route.js';
import { tokenOperation } from '../../lib/router/openapi/machine-operations.js';
import type { Operation } from '../../lib/router/openapi/operation.js';
import { requests } from '../../lib/router/openapi/requests.js';
import { addUser, bearer, serveAuth } from '../world/auth-server.js';

afterEach(() => vi.restoreAllMocks());

const everything = {
  acceptApiKeys: true,
  serviceAccounts: true,
  ownOrganisations: true,
  passwordSignUp: true,
  impersonation: true,
  google: { clientId: 'reports', clientSecret: 'of-google' },
  oidc: { work: { issuer: 'https://work.test', clientId: 'reports' } },
  tokenScopes: () => ['users:admin', 'users:impersonate'],
};

const byRoute = new Map<string, Operation>(groups.flatMap(([, all]) => Object.entries(all)));
byRoute.set('POST /token', tokenOperation(byRoute.get('POST /token')));

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'application/x-www-form-urlencoded';

const bodies = [...byRoute].flatMap(([route, { json, form }]) => [
  ...(json === undefined ? [] : [{ route, type: JSON_TYPE, name: json }]),
  ...(form === undefined ? [] : [{ route, type: FORM_TYPE, name: form }]),
]);

/** A user who may do everything, in an application with every feature, with an organisation of theirs. */
async function administrator() {
  const server = await serveAuth(everything);
  const { id: ownerId } = await addUser(server);
  const org = await server.auth.organisations.create({ name: 'Acme', ownerId });
  return { ...server, org, ownerId, headers: bearer(await server.signIn('alice')) };
}

/** The schemas of the table that have judged something, by name. */
function watchSchemas(): () => readonly string[] {
  const spies = Object.entries(requests).map(
    ([name, schema]) => [name, vi.spyOn(schema, 'safeParse')] as const,
  );
  return () => spies.flatMap(([name, spy]) => (spy.mock.calls.length > 0 ? [name] : []));
}

it('every schema of the table is of some route, and no two are one', () => {
  const used = new Set(bodies.map(({ name }) => name));
  expect([...used].toSorted()).toEqual(Object.keys(requests).toSorted());
  expect(new Set(Object.values(requests)).size).toBe(used.size);
});

/** One that reads its body by another schema than the document shows would refuse what the document allows, or take what it doesn't. */
it('every route reads its body by the very schema that the document shows', async () => {
  const { origin, headers, org, ownerId } = await administrator();
  const found: Record<string, readonly string[]> = {};
  for (const { route, type } of bodies) {
    const [method = '', path = ''] = route.split(' ');
    const judged = watchSchemas();
    const id = path.startsWith('/orgs') ? org.id : ownerId;
    const place = path.replace(':provider', 'work').replace(':id', id).replace(/:\w+/, ownerId);
    const response = await fetch(`${origin}/api/auth${place}`, {
      method,
      headers: { ...headers, 'content-type': type },
      body: type === JSON_TYPE ? '{"of_no_schema":1}' : 'of_no_schema=1',
    });
    await response.arrayBuffer();
    found[`${route} ${type}`] = judged();
    vi.restoreAllMocks();
  }
  const shown = bodies.map(({ route, type, name }) => [`${route} ${type}`, [name]]);
  expect(found).toEqual(Object.fromEntries(shown));
});
