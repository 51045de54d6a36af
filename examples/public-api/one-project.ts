import type { Request } from 'express';
import { optionalPrincipalOf } from 'latchkey';
import { isVisible, type Project, type Projects } from './projects.js';
import { Refusal } from './refusal.js';

/** What API keys are made for: the project in the path. */
export function resourceOf(req: Request): string {
  return `project:${String(req.params['id'])}`;
}

/** The project in the path. A private one of somebody else is as good as none. */
export function visibleProject(projects: Projects, req: Request): Project {
  const project = projects.find(String(req.params['id']));
  if (project && isVisible(project, optionalPrincipalOf(req)?.subject)) return project;
  throw new Refusal(404, 'No such project');
}

export function ownProject(projects: Projects, req: Request): Project {
  const project = visibleProject(projects, req);
  if (project.ownerId === optionalPrincipalOf(req)?.subject) return project;
  throw new Refusal(403, 'The project belongs to somebody else');
}
