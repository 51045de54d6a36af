import express, { type ErrorRequestHandler, type Express } from 'express';
import { type Auth, AuthError, principalOf } from 'latchkey';
import { LinkError, type Links, type Reader } from './links.js';
import { deadLinkPage } from './page.js';

/** Where a file is and what it is called. */
export interface StoredFile {
  /** Below `folder`. From your database, never from a request. */
  readonly path: string;
  /** What it is saved as. May be any text. */
  readonly name: string;
}

export interface AppParts {
  readonly auth: Auth;
  readonly links: Links;
  readonly folder: string;
  /** Undefined: there is no such file, or the user may not read it. Asked for the link, and again for the download. */
  readonly findFile: (fileId: string, reader: Reader) => Promise<StoredFile | undefined>;
}

export function createApp({ auth, links, folder, findFile }: AppParts): Express {
  const app = express();
  app.use(auth.securityHeaders());
  app.use('/api/auth', auth.router());

  // The page asks for a link when somebody clicks, and then goes there: `location.href = url`.
  app.post('/api/files/:id/links', auth.requireAuth(), async (req, res) => {
    const [fileId, reader] = [String(req.params.id), principalOf(req)];
    if (!(await findFile(fileId, reader))) throw new AuthError('NOT_FOUND');
    const link = await links.make({ fileId, reader });
    const url = `/files/${encodeURIComponent(fileId)}?link=${link}`;
    res.status(201).set('Cache-Control', 'no-store').json({ url, expires_in: links.ttlSeconds });
  });

  // Without a guard: an <a>, an <img> and a download manager send no token. The link says who asks.
  app.get('/files/:id', async (req, res) => {
    res.set(FILE_HEADERS);
    const link = await links.read(req.query.link, req.params.id);
    const file = await findFile(link.fileId, link.reader);
    if (!file) throw new LinkError('invalid');
    if (req.method === 'GET') await links.spend(link);
    // Always: HTML or SVG that a user has uploaded would run its scripts here. An <img> shows its picture all the same.
    res.attachment(file.name.replaceAll(/\p{Surrogate}/gu, '\uFFFD')); // half a character has no encoding
    res.sendFile(file.path, { root: folder, cacheControl: false });
  });

  app.use('/files', deadLink);
  app.use(auth.errorHandler());
  return app;
}

const FILE_HEADERS = {
  // The link is in the address: no page that it opens tells it to others, and nothing keeps it.
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'private, no-store',
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
};

/** 410 for a link that was good, 403 for one that never was, or whose user has lost access. */
// Express tells error handlers by their four parameters.
// oxlint-disable-next-line max-params
const deadLink: ErrorRequestHandler = (error, _req, res, next) => {
  res.removeHeader('Content-Disposition'); // words about a file are not to be saved under its name
  if (!(error instanceof LinkError)) return next(error);
  const status = error.reason === 'invalid' ? 403 : 410;
  res.status(status).type('html').send(deadLinkPage(error.reason));
};
