import type { AuditedRoute } from '../../audit/route.js';
import { UsageError } from '../usage-error.js';

/** A route that `--allow` means: `/health`, `GET /health`, or `/public/*` for all below a path. */
export interface Allowance {
  readonly given: string;
  readonly method: string | undefined;
  readonly path: string;
}

export function parseAllowance(given: string): Allowance {
  const [, method, path] = /^(?:([a-z-]+) +)?(\/.*)$/i.exec(given.trim()) ?? [];
  if (path !== undefined) return { given, method: method?.toUpperCase(), path: path.toLowerCase() };
  throw new UsageError(
    "--allow is a path of the list, such as --allow /health, --allow 'GET /health' or --allow '/public/*'",
  );
}

/** Paths are compared as Express matches them by default: without regard to case. */
export function isAllowed({ method, path }: Allowance, route: AuditedRoute): boolean {
  const at = route.path.toLowerCase();
  const isAt = at === path || (path.endsWith('/*') && at.startsWith(path.slice(0, -1)));
  return isAt && (method === undefined || method === route.method);
}
