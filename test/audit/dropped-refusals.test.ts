// oxlint-disable max-params -- Express tells error handlers by their four parameters
import { createAuth } from 'latchkey';
import type { ErrorRequestHandler, Express, NextFunction, RequestHandler } from 'express';
import { afterAll, describe, expect, it } from 'vitest';
import { BASE } from '../world/auth-server.js';
import { expressVersions } from '../world/express-versions.js';
import { serve } from '../world/serve.js';

const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
afterAll(() => auth.close());

const required = auth.requireAuth();
const handler: RequestHandler = (_req, res) => void res.end('reached');
const goOn: ErrorRequestHandler = (_err, _req, _res, next) => next();
const passOn: ErrorRequestHandler = (err, _req, _res, next) => next(err);

const giveAway = (_next: NextFunction): void => _next();

/** Each after the guard of `app.use(required)`, before a route. */
const dropping: readonly (readonly [string, ErrorRequestHandler])[] = [
  ['next()', goOn],
  ["next('route')", (_err, _req, _res, next) => next('route')],
  ['next(null)', (_err, _req, _res, next) => next(null)],
  ['next given away', (_err, _req, _res, next) => giveAway(next)],
  ['a call by another way', (_err, _req, _res, next) => void Reflect.apply(next, undefined, [])],
  ['a name with a $', (_err, _req, _res, $next) => $next()],
  [
    'a function',
    function log(_err, _req, _res, next) {
      next();
    },
  ],
  ['a bound function', goOn.bind(undefined)],
];

const keeping: readonly (readonly [string, ErrorRequestHandler])[] = [
  ['next(err)', passOn],
  ['an answer', (_err, _req, res, _next) => void res.status(401).end()],
  [
    'an answer to some errors',
    (err, _req, res, next) => {
      // What comes next is told: next, or an answer.
      if (err instanceof SyntaxError) return void res.status(400).end();
      return next(err);
    },
  ],
];

describe.each(expressVersions)('$name', ({ express }) => {
  const behindUse = (errors: ErrorRequestHandler): Express =>
    express().use(required).use(errors).get('/x', handler);
  const protections = (app: unknown) =>
    auth
      .routes(app)
      .map(({ path, protection, findings }) => `${path} ${protection} ${findings.join()}`);

  it.each(dropping)('an error handler with %s lets refused requests through', async (_, errors) => {
    const app = behindUse(errors);
    expect(protections(app)).toEqual(['/x none refusal_dropped']);
    expect(await reaches(app)).toBe(true);
  });

  it.each(keeping)('an error handler with %s does not', async (_, errors) => {
    const app = behindUse(errors);
    expect(protections(app)).toEqual(['/x guarded ']);
    expect(await reaches(app)).toBe(false);
  });

  it.each([
    ['in the route', () => express().get('/x', required, goOn, handler), true],
    [
      'at the path of the route',
      () => express().use(required).use('/x', goOn).get('/x', handler),
      true,
    ],
    [
      'in a route of the same path',
      () => express().all('/x', required, goOn).get('/x', handler),
      true,
    ],
    [
      'around the router of the guard',
      () =>
        express()
          .use(express.Router().use(required).get('/y', handler))
          .use(goOn)
          .get('/x', handler),
      true,
    ],
    [
      'in a router with the guard',
      () => express().use(express.Router().use(required).use(goOn).get('/x', handler)),
      true,
    ],
    ['before the guard', () => express().use(goOn).use(required).get('/x', handler), false],
    ['behind the route', () => express().use(required).get('/x', handler).use(goOn), false],
    ['at another path', () => express().use(required).use('/y', goOn).get('/x', handler), false],
    [
      'in a router beside the guard',
      () => express().use(required).use(express.Router().use(goOn)).get('/x', handler),
      false,
    ],
    ['in another route', () => express().use(required).get('/x', goOn).get('/x', handler), false],
  ])('%s: a request gets through or not, as it is told', async (_, build, isReached) => {
    const app = build();
    const route = protections(app).at(-1);
    expect(await reaches(app)).toBe(isReached);
    expect(route?.startsWith('/x guarded')).toBe(!isReached);
  });

  it('leaves another guard in force, and tells of the one that is dropped', () => {
    const app = express().use(auth.requireRoles('admin'), goOn).get('/x', required, handler);
    expect(protections(app)).toEqual(['/x guarded refusal_dropped']);
    expect(auth.routes(app)[0]?.roles).toEqual([]);
  });
});

async function reaches(app: Express): Promise<boolean> {
  const { origin } = await serve(app);
  return (await (await fetch(`${origin}/x`)).text()) === 'reached';
}
