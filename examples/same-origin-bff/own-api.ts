import type { Request } from 'express';
import { principalOf, requestIdOf } from 'latchkey';

/** Calls the application's own API for a page, as the user who asked for it. */
export type OwnApi = (req: Request, path: string) => Promise<Response>;

/** `base` is where this server listens; pages and API are one origin. */
export function createOwnApi(base: string): OwnApi {
  return (req, path) => {
    const url = new URL(path, base);
    // A path that names another host would send the user's token there.
    if (!path.startsWith('/') || url.origin !== new URL(base).origin)
      throw new TypeError('an API path begins with one slash');
    return fetch(url, {
      headers: {
        Authorization: `Bearer ${principalOf(req).token}`,
        // One id in the logs for the page and everything that it asked for.
        'X-Request-Id': requestIdOf(req) ?? '',
      },
    });
  };
}
