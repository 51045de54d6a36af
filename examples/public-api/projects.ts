import { randomBytes } from 'node:crypto';

export interface Project {
  readonly id: string;
  /** Id of the user it belongs to: `sub` of their tokens. */
  readonly ownerId: string;
  readonly owner: string;
  readonly name: string;
  readonly description: string;
  /** Seen by the owner only. */
  readonly private: boolean;
  /** Markdown. */
  readonly docs: string;
  /** Where the project runs. */
  readonly addresses: readonly string[];
}

/** The projects, in memory. An application has a table in its place. */
export interface Projects {
  /** All that this user may see: the public ones, and their own. */
  visibleTo(userId: string | undefined): readonly Project[];
  ownedBy(userId: string): readonly Project[];
  find(id: string): Project | undefined;
  add(project: Omit<Project, 'id'>): Project;
  change(project: Project, change: Partial<Project>): Project;
  remove(id: string): void;
}

export function createProjects(): Projects {
  const rows = new Map<string, Project>();
  const put = (project: Project): Project => {
    rows.set(project.id, project);
    return project;
  };
  return {
    visibleTo: (userId) => [...rows.values()].filter((each) => isVisible(each, userId)),
    ownedBy: (userId) => [...rows.values()].filter(({ ownerId }) => ownerId === userId),
    find: (id) => rows.get(id),
    add: (project) => put({ ...project, id: randomBytes(6).toString('hex') }),
    change: (project, change) => put({ ...project, ...change }),
    remove: (id) => void rows.delete(id),
  };
}

export function isVisible(project: Project, userId: string | undefined): boolean {
  return !project.private || project.ownerId === userId;
}
