import express, { type RequestHandler } from 'express';
import session from 'express-session';
import { createAuth } from 'latchkey';

// An application as it should not be. Each fault is a row of `../broken-app.test.ts`.

const auth = createAuth({ basePath: '/api/auth' });
const answer: RequestHandler = (_req, res) => void res.json({});

/** What customers use. */
export const app = express();
app.set('trust proxy', true);
app.get('/health', answer);
// Refusals of the guards below are answered by Express.
app.use(auth.errorHandler());
// Links and redirect URIs lead to /api/auth, and no mail is sent.
app.use('/accounts', auth.router());

const invoices = express.Router();
invoices.get('/', auth.requireAuth(), auth.requireScopes('invoices:read'), answer);
invoices.post('/', auth.requireAuth(), auth.requireScopes('invoices:write'), answer);
// Forgotten.
invoices.delete('/:id', answer);
// Where no request gets to.
invoices.put('/:id', answer, auth.requireAuth());
invoices.get('/:id', auth.requireScopes('invoices:read'), auth.requireAuth(), answer);
app.use('/api/invoices', invoices);

const org = express.Router({ mergeParams: true });
org.get('/members', auth.requireAuth(), answer, auth.orgContext({ param: 'org' }));
org.post(
  '/members',
  auth.requireAuth(),
  auth.requireRoles('owner', { of: 'org' }),
  auth.orgContext({ param: 'org' }),
  answer,
);
app.use('/api/orgs/:org', org);

const shop = express.Router();
shop.use(session({ secret: 'a'.repeat(32), resave: false, saveUninitialized: false }));
shop.get('/basket', auth.optionalAuth(), answer);
shop.post('/basket', auth.optionalAuth(), answer);
app.use('/shop', shop);

// The guard is for those below it.
app.patch('/api/admin/settings', answer);
app.use('/api/admin', auth.requireAuth(), auth.requireRoles('admin'));
app.get('/api/admin/users', answer);

/** What colleagues use, on a port of its own behind the same proxies. */
export const internal = express();
internal.get('/figures', answer);
internal.use(auth.requireAuth());
