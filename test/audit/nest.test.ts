import 'reflect-metadata';
import {
  Controller,
  type DynamicModule,
  Get,
  type INestApplication,
  type MiddlewareConsumer,
  Module,
  Post,
  RequestMethod,
  Scope,
  SetMetadata,
  type Type,
  UseGuards,
  UseInterceptors,
  Version,
  VersioningType,
} from '@nestjs/common';
import { APP_GUARD, NestFactory, RouterModule } from '@nestjs/core';
import type { RequestHandler } from 'express';
import { type AuditedRoute, createAuth, describeGuard, type GuardDescription } from 'latchkey';
import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import { BASE } from '../world/auth-server.js';

const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
afterAll(() => auth.close());

type Decorators = readonly (ClassDecorator | MethodDecorator)[];

/** What the syntax of decorators does, which this project does not compile. */
function decorate(type: Type, own: Decorators, handlers: Record<string, Decorators> = {}): Type {
  for (const [name, decorators] of Object.entries(handlers)) {
    const prototype = type.prototype as object;
    const descriptor = Object.getOwnPropertyDescriptor(prototype, name) ?? {};
    for (const each of decorators.toReversed())
      (each as MethodDecorator)(prototype, name, descriptor);
  }
  for (const each of own.toReversed()) (each as ClassDecorator)(type);
  return type;
}

class AuthGuard {
  canActivate(): boolean {
    return true;
  }
}
describeGuard(
  { kind: 'requireAuth', metadata: { scopes: 'scopes', roles: 'roles', skip: 'public' } },
  AuthGuard,
);
class OrgInterceptor {
  intercept(_context: unknown, handler: { handle(): unknown }): unknown {
    return handler.handle();
  }
}
describeGuard({ kind: 'orgContext' }, OrgInterceptor);
class OrgScopes extends AuthGuard {}
describeGuard({ kind: 'requireScopes', scopes: ['a'], of: 'org' }, OrgScopes);
class RequireAuth {
  use(_req: unknown, _res: unknown, next: () => void): void {
    next();
  }
}
describeGuard({ kind: 'requireAuth' }, RequireAuth);

const Scopes = (...scopes: string[]) => SetMetadata('scopes', scopes);
const Public = () => SetMetadata('public', true);

interface Handlers {
  read(): void;
  change(): void;
}
const twoHandlers = () =>
  class implements Handlers {
    read(): void {}
    change(): void {}
  };

interface Given {
  readonly controllers: readonly Type[];
  readonly providers?: DynamicModule['providers'];
  readonly imports?: DynamicModule['imports'];
  readonly configure?: (consumer: MiddlewareConsumer) => void;
  readonly prepare?: (app: INestApplication) => void;
}

/** The routes of an application, by method and path. */
async function routesOf({ controllers, providers, imports, configure, prepare }: Given) {
  class Application {
    configure(consumer: MiddlewareConsumer): void {
      configure?.(consumer);
    }
  }
  decorate(Application, [
    Module({ controllers: [...controllers], providers: providers ?? [], imports: imports ?? [] }),
  ]);
  const app = await NestFactory.create(Application, { logger: false, abortOnError: false });
  onTestFinished(() => app.close());
  prepare?.(app);
  await app.init();
  return auth.routes(app);
}

const inShort = (routes: readonly AuditedRoute[]): Record<string, string> =>
  Object.fromEntries(
    routes.map(({ method, path, guards, findings }) => [
      `${method} ${path}`,
      [...guards.map(({ kind, scopes = [] }) => [kind, ...scopes].join(' ')), ...findings].join(
        ', ',
      ),
    ]),
  );

describe('NestJS', () => {
  it('lists controllers with the guards and interceptors of class and handler', async () => {
    const profile = decorate(
      twoHandlers(),
      [Controller('profile'), UseGuards(AuthGuard), Scopes('profile:read')],
      {
        read: [Get()],
        change: [
          Post(['change', ':id/change']),
          Scopes('profile:write'),
          SetMetadata('roles', 'admin'),
        ],
      },
    );
    const open = decorate(twoHandlers(), [Controller()], {
      read: [Get('health')],
      change: [Post('orgs'), UseGuards(new AuthGuard()), UseInterceptors(OrgInterceptor)],
    });
    const routes = await routesOf({ controllers: [profile, open] });
    expect(inShort(routes)).toEqual({
      'GET /profile': 'requireAuth profile:read',
      'POST /profile/change': 'requireAuth profile:read profile:write',
      'POST /profile/:id/change': 'requireAuth profile:read profile:write',
      'GET /health': 'unguarded',
      'POST /orgs': 'requireAuth, orgContext',
    });
    expect(routes[1]).toMatchObject({
      scopes: ['profile:read', 'profile:write'],
      roles: ['admin'],
      guards: [{ kind: 'requireAuth', roles: ['admin'] }],
    });
    expect(routes[1]?.guards[0]).not.toHaveProperty('metadata');
    expect(routes[4]).toMatchObject({ org: true });
  });

  it.each([
    { title: 'APP_GUARD', provider: { provide: APP_GUARD, useClass: AuthGuard } },
    {
      title: 'APP_GUARD for each request',
      provider: { provide: APP_GUARD, useClass: AuthGuard, scope: Scope.REQUEST },
    },
    {
      title: 'useGlobalGuards()',
      prepare: (app: INestApplication) => app.useGlobalGuards(new AuthGuard()),
    },
  ])('counts $title for all routes but those that it skips', async ({ provider, prepare }) => {
    const mixed = decorate(twoHandlers(), [Controller('mixed')], {
      read: [Get(), Public()],
      change: [Post()],
    });
    const closed = decorate(twoHandlers(), [Controller('closed'), Public()], {
      read: [Get()],
      change: [Post(), SetMetadata('public', false)],
    });
    const routes = await routesOf({
      controllers: [mixed, closed],
      ...(provider && { providers: [provider] }),
      ...(prepare && { prepare }),
    });
    expect(inShort(routes)).toEqual({
      'GET /mixed': 'unguarded',
      'POST /mixed': 'requireAuth',
      'GET /closed': 'unguarded',
      'POST /closed': 'requireAuth',
    });
  });

  it('follows prefixes, versions, modules with a path, parents of controllers and equal paths', async () => {
    const parent = twoHandlers();
    decorate(parent, [], { read: [Get('inherited')], change: [Post('inherited')] });
    const child = class extends parent {
      override change(): void {}
    };
    decorate(child, [Controller({ path: 'child', version: '2' }), UseGuards(AuthGuard)], {
      change: [Post('own'), Version(['2', '3'])],
    });
    const health = decorate(twoHandlers(), [Controller('health')], { read: [Get()] });
    const nested = decorate(twoHandlers(), [Controller('nested')], {
      read: [Get(), UseGuards(AuthGuard)],
      change: [Get()],
    });
    const inner = decorate(twoHandlers(), [Module({ controllers: [nested] })]);
    const routes = await routesOf({
      controllers: [child, health],
      imports: [inner, RouterModule.register([{ path: 'module', module: inner }])],
      prepare: (app) =>
        app
          .setGlobalPrefix('api', { exclude: ['health'] })
          .enableVersioning({ type: VersioningType.URI }),
    });
    expect(inShort(routes.filter(({ path }) => !path.includes('nested')))).toEqual({
      'POST /api/v2/child/own': 'requireAuth',
      'POST /api/v3/child/own': 'requireAuth',
      'GET /api/v2/child/inherited': 'requireAuth',
      'GET /health': 'unguarded',
    });
    const equal = routes.filter(({ path }) => path === '/api/module/nested');
    expect(equal.map(({ protection }) => protection)).toEqual(['guarded', 'none']);
  });

  it('counts described middlewares of modules, and takes no middleware for a route', async () => {
    const passing = (_req: unknown, _res: unknown, next: () => void): void => next();
    const orders = decorate(twoHandlers(), [Controller('orders')], {
      read: [Get()],
      change: [Post()],
    });
    const others = decorate(twoHandlers(), [Controller('others')], {
      read: [Get()],
      change: [Get('deep/er')],
    });
    const routes = await routesOf({
      controllers: [orders, others],
      configure: (consumer) =>
        consumer
          .apply(passing)
          .forRoutes('*')
          .apply(RequireAuth)
          .forRoutes({ path: 'orders', method: RequestMethod.POST })
          .apply(RequireAuth)
          .forRoutes('others/deep')
          .apply(passing, RequireAuth)
          .exclude('others')
          .forRoutes(others),
    });
    expect(inShort(routes)).toEqual({
      'GET /orders': 'unguarded',
      'POST /orders': 'requireAuth',
      'GET /others': 'unguarded',
      'GET /others/deep/er': 'requireAuth',
    });
  });

  it('sees guards of ours in classes that their user has made of them, and none that NestJS has wrapped', async () => {
    const seen = (description: GuardDescription, guard: RequestHandler) =>
      describeGuard(
        description,
        class Seen {
          use(...request: Parameters<RequestHandler>) {
            return guard(...request);
          }
        },
      );
    const orders = decorate(twoHandlers(), [Controller('orders')], { read: [Get()] });
    const others = decorate(twoHandlers(), [Controller('others')], { read: [Get()] });
    const routes = await routesOf({
      controllers: [orders, others],
      configure: (consumer) =>
        consumer
          .apply(
            seen({ kind: 'requireAuth' }, auth.requireAuth()),
            seen({ kind: 'requireScopes', scopes: ['a'] }, auth.requireScopes('a')),
          )
          .forRoutes(orders)
          .apply(auth.requireAuth())
          .forRoutes(others),
    });
    expect(inShort(routes)).toEqual({
      'GET /orders': 'requireAuth, requireScopes a',
      'GET /others': 'unguarded',
    });
  });

  it('finds a wrong order', async () => {
    const orders = decorate(twoHandlers(), [Controller('orders')], {
      read: [Get(), UseGuards(OrgScopes, AuthGuard), UseInterceptors(OrgInterceptor)],
    });
    expect(inShort(await routesOf({ controllers: [orders] }))).toEqual({
      'GET /orders':
        'requireScopes a, requireAuth, orgContext, guard_before_auth, guard_before_org',
    });
  });

  it('does not take a subclass that decides by itself for its parent', async () => {
    class Lenient extends AuthGuard {
      override canActivate(): boolean {
        return true;
      }
    }
    class Named extends AuthGuard {}
    const both = decorate(twoHandlers(), [Controller('both')], {
      read: [Get(), UseGuards(Lenient)],
      change: [Post(), UseGuards(Named)],
    });
    expect(inShort(await routesOf({ controllers: [both] }))).toEqual({
      'GET /both': 'unguarded',
      'POST /both': 'requireAuth',
    });
  });

  it('refuses an application whose routes are not there yet', async () => {
    const app = await NestFactory.create(decorate(twoHandlers(), [Module({})]), { logger: false });
    onTestFinished(() => app.close());
    expect(() => auth.routes(app)).toThrow(/init\(\)/);
  });
});

it('describeGuard() also describes a middleware of Express that calls ours', () => {
  const guard = describeGuard({ kind: 'requireScopes', scopes: ['a'] }, () => undefined);
  expect(Reflect.get(guard, 'latchkey.guard')).toMatchObject({ scopes: ['a'] });
});

it.each([{ kind: 'requireLuck' }, { kind: 'requireAuth', scope: ['a'] }, {}])(
  'describeGuard(%o) is refused',
  (description) => {
    expect(() => describeGuard(description as { kind: 'requireAuth' }, AuthGuard)).toThrow(
      TypeError,
    );
  },
);
