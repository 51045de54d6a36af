import express, { type Express } from 'express';
import { type Auth, AuthError, principalOf } from 'latchkey';
import type { Project } from './project.js';
import { createReportPages } from './report-pages.js';
import { openReport, openableReports } from './reports.js';
import { securityContext } from './security-context.js';
import { visibleTable } from './visible-table.js';

/** The API of a project. Who signs in elsewhere brings a token; who signs in here gets one, and has pages as well. */
export function createApp(auth: Auth, project: Project): Express {
  const app = express();
  app.use(auth.securityHeaders({ preset: 'web' }));
  if (signsUsersIn(auth)) {
    app.use('/api/v1/auth', auth.router());
    app.use(createReportPages(auth, project));
  }

  app.use('/api/v1', auth.requireAuth());
  app.get('/api/v1/me', (req, res) => {
    res.json(securityContext(principalOf(req)));
  });
  app.get('/api/v1/pages', (req, res) => {
    res.json({ pages: openableReports(project, securityContext(principalOf(req))) });
  });
  app.get('/api/v1/pages/:name', (req, res) => {
    res.json(openReport(project, req.params.name, securityContext(principalOf(req))));
  });
  app.get('/api/v1/:dataset', (req, res) => {
    const dataset = project.datasets.get(req.params.dataset);
    if (!dataset) throw new AuthError('NOT_FOUND');
    res.json({ rows: visibleTable(dataset, securityContext(principalOf(req))).rows });
  });

  // The body that clients know: { "error": { "code", "message", "expired_at"? } }.
  app.use('/api', auth.errorHandler({ format: 'nested' }));
  app.use(auth.errorHandler({ html: true }));
  return app;
}

function signsUsersIn({ config: { jwt } }: Auth): boolean {
  return jwt.secret !== undefined || jwt.privateKey !== undefined;
}
