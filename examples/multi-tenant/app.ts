import path from 'node:path';
import express, { type Express, type RequestHandler } from 'express';
import { type Auth, AuthError, orgOf, principalOf, type SendMail } from 'latchkey';
import { scopesOf } from './auth.js';
import type { Invoice, Invoices, NewInvoice } from './invoices.js';

export interface AppParts {
  readonly auth: Auth;
  readonly invoices: Invoices;
  readonly sendMail: SendMail;
  /** Where the modules of `latchkey/client` are, which the page loads. */
  readonly clientFolder: string;
}

/** An API for several organisations, and a page that calls it. */
export function createApp({ auth, invoices, sendMail, clientFolder }: AppParts): Express {
  const app = express();
  app.use(auth.securityHeaders({ preset: 'web' }));
  app.use('/api/auth', auth.router({ sendMail }));

  // For people: a service account and an API key have no profile.
  const person = auth.requireAuth({ methods: ['jwt'], userOnly: true });
  app.get('/api/profile', person, profileOf(auth));
  app.get('/api/admin/organisations', person, auth.requireRoles('admin'), async (_req, res) => {
    const organisations = await auth.organisations.list({ limit: 100 });
    res.json({ organisations: organisations.map(({ id, name }) => ({ id, name })) });
  });

  // For members of an organisation: people, service accounts and API keys.
  const mayRead = auth.requireScopes('invoices:read', { of: 'org' });
  const mayWrite = auth.requireScopes('invoices:write', { of: 'org' });
  const list: RequestHandler = (req, res) => {
    const { id } = orgOf(req);
    res.json({ org: id, invoices: invoices.list(id) });
  };
  app.use('/api/invoices', auth.requireAuth(), auth.orgContext());
  app.get('/api/invoices', mayRead, list);
  app.post('/api/invoices', mayWrite, express.json(), (req, res) => {
    res.status(201).json(invoices.add(orgOf(req).id, readInvoice(req.body)));
  });
  app.get('/api/invoices/:id', mayRead, (req, res) => {
    res.json(found(invoices.find(orgOf(req).id, String(req.params['id']))));
  });
  app.post('/api/invoices/:id/approval', mayWrite, requireGroup('approvers'), (req, res) => {
    const { user } = principalOf(req);
    res.json(found(invoices.approve(orgOf(req).id, String(req.params['id']), user.id)));
  });
  // The same with the organisation in the path. A header that names another one is refused.
  app.get(
    '/api/orgs/:orgId/invoices',
    auth.requireAuth(),
    auth.orgContext({ param: 'orgId' }),
    mayRead,
    list,
  );

  app.use('/client', express.static(clientFolder));
  app.use(express.static(path.join(import.meta.dirname, 'public')));
  app.use(auth.errorHandler());
  return app;
}

/** Who calls, and what they may do in which organisation: all that the page has to know. */
function profileOf({ organisations }: Auth): RequestHandler {
  return async (req, res) => {
    const { user } = principalOf(req);
    const memberships = await organisations.membershipsOf(user.id);
    res.json({
      user_id: user.id,
      username: user.username ?? null,
      role: user.roles[0] ?? 'user',
      groups: user.groups,
      organisations: memberships.map(({ org: { id, name }, roles }) => ({
        ...{ id, name, roles },
        permissions: scopesOf(roles),
      })),
    });
  };
}

/** Refuses callers whom `loadPrincipal` has not found in the group. */
function requireGroup(group: string): RequestHandler {
  return (req, _res, next) => {
    if (!principalOf(req).user.groups.includes(group)) throw new AuthError('INSUFFICIENT_ROLE');
    next();
  };
}

/** Another organisation's invoice is not there. */
function found(invoice: Invoice | undefined): Invoice {
  if (!invoice) throw new AuthError('NOT_FOUND');
  return invoice;
}

function readInvoice(body: unknown): NewInvoice {
  const { customer, amount }: { customer?: unknown; amount?: unknown } = Object(body);
  const isCustomer = typeof customer === 'string' && /^.{1,100}$/.test(customer);
  if (isCustomer && typeof amount === 'number' && Number.isSafeInteger(amount) && amount > 0)
    return { customer, amount };
  throw new AuthError('INVALID_REQUEST', {
    errors: [
      isCustomer
        ? { pointer: '#/amount', detail: 'is a whole number of cents above 0' }
        : { pointer: '#/customer', detail: 'is text of 1 to 100 characters' },
    ],
  });
}
