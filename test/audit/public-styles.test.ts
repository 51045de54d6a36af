import { createAuth } from 'latchkey';
import type { Application } from 'express';
import { afterAll, describe, expect, it } from 'vitest';
import { BASE } from '../world/auth-server.js';
import { expressVersions } from '../world/express-versions.js';
import { createApp as ghost } from './styles/ghost/app.js';
import { createApp as habitica } from './styles/habitica/app.js';
import { createApp as n8n } from './styles/n8n/app.js';
import type { Parts } from './styles/parts.js';

const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
afterAll(() => auth.close());

interface Style {
  readonly style: string;
  readonly createApp: (parts: Parts) => Application | Promise<Application>;
  readonly routes: Readonly<Record<string, string>>;
}

// How public applications write their routes, in a few lines of each. `// Planted` in their files marks the oversights.
const styles: readonly Style[] = [
  {
    style: 'Ghost',
    createApp: ghost,
    routes: {
      'GET /ghost/api/admin/site': 'none unguarded',
      'GET /ghost/api/admin/posts': 'guarded staff',
      'POST /ghost/api/admin/posts': 'guarded staff',
      'POST /ghost/api/admin/posts/upload': 'guarded staff',
      'PUT /ghost/api/admin/posts/bulk': 'none unguarded',
      'GET /ghost/api/admin/posts/:id': 'guarded staff',
      'DELETE /ghost/api/admin/posts/:id': 'guarded staff',
      'PUT /ghost/api/admin/users/owner': 'guarded owner',
      'ALL /ghost/api/admin/members/fields': 'guarded staff',
      'ALL /ghost/api/admin/members/fields/*': 'guarded staff',
      'GET /ghost/api/admin/members/fields/:namespace': 'guarded staff',
      'POST /ghost/api/admin/members/fields/:namespace': 'guarded staff',
      'GET /ghost/api/admin/members/:id': 'guarded staff',
      'DELETE /ghost/api/admin/members/:id': 'none unguarded guard_after_handler',
      'POST /ghost/sign-in/start': 'none unguarded',
      'GET /ghost/preview': 'guarded',
      'POST /members/webhooks/payments': 'none unguarded',
      'GET /members/api/member': 'open',
      'PUT /members/api/member': 'guarded',
      'POST /members/api/feedback': 'guarded',
      'DELETE /members/api/member': 'none unguarded',
      'GET /members/api/comments': 'open',
      'POST /members/api/comments': 'guarded',
      'GET /members/api/announcement': 'open',
      'GET /': 'none unguarded',
    },
  },
  {
    style: 'Habitica',
    createApp: habitica,
    routes: {
      'GET /api/v3/status': 'none unguarded',
      'GET /api/v3/hall/heroes': 'guarded admin guard_before_auth',
      'GET /api/v3/tasks/user': 'guarded',
      'POST /api/v3/tasks/user': 'guarded tasks:write',
      'DELETE /api/v3/tasks/:taskId': 'none unguarded',
      'GET /api/v4/status': 'none unguarded',
      'GET /api/v4/hall/heroes': 'guarded admin guard_before_auth',
      'POST /api/v4/tasks/user': 'guarded tasks:write',
      'DELETE /api/v4/tasks/:taskId': 'none unguarded',
      'GET /api/v4/tasks/user': 'none unguarded',
      'GET /api/v4/news': 'open',
      [String.raw`GET /(^\/(?:static|home)(?:\/.*)?$)`]: 'none unguarded',
    },
  },
  {
    style: 'n8n',
    createApp: n8n,
    routes: {
      'GET /rest/users': 'guarded user:list',
      'DELETE /rest/users/:id': 'guarded user:delete',
      'PATCH /rest/users/:id/name': 'guarded user:update guard_before_auth',
      'GET /rest/hooks/logs': 'guarded',
      'DELETE /rest/hooks/logs/:id': 'guarded',
      'GET /rest/hooks/secrets': 'none unguarded',
      'GET /rest/hooks/ping': 'none unguarded',
      'POST /rest/hooks/:id/test': 'guarded',
    },
  },
];

describe.each(expressVersions)('$name', ({ name, express }) => {
  it.each(styles)(
    'routes in the style of $style are listed with what protects them',
    async ({ createApp, routes }) => {
      const app = await createApp({ auth, express, isFour: name === 'Express 4' });
      const listed = auth
        .routes(app)
        .map(({ method, path, protection, scopes, roles, findings }) => {
          const at = path.replace('/*rest', '/*');
          return [`${method} ${at}`, [protection, ...scopes, ...roles, ...findings].join(' ')];
        });
      expect(listed).toEqual(Object.entries(routes));
    },
  );
});
