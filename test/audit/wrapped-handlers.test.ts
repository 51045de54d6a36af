import { createAuth } from 'latchkey';
import type { Application, Handler } from 'express';
import { afterAll, describe, expect, it } from 'vitest';
import { BASE } from '../world/auth-server.js';
import { expressVersions } from '../world/express-versions.js';

const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
afterAll(() => auth.close());

const handler: Handler = (_req, res) => void res.end();
const passing: Handler = (_req, _res, next) => next();

interface Wrapped {
  handle: Handler;
}

/** As `@opentelemetry/instrumentation-express` does it with what `use()` has added. */
function traced(layer: Wrapped): void {
  const original = layer.handle;
  const patched = function (this: unknown, _req: unknown, _res: unknown) {
    return Reflect.apply(original, this, arguments);
  };
  for (const key in original)
    Object.defineProperty(patched, key, { get: () => Reflect.get(original, key) });
  layer.handle = Object.defineProperty(patched, '__original', { value: original });
}

/** As `express-async-errors` does it with every handler. */
function caught(layer: Wrapped): void {
  const original = layer.handle;
  const newFn = (...args: Parameters<Handler>) => Reflect.apply(original, undefined, args);
  Object.defineProperty(newFn, 'length', { value: original.length });
  layer.handle = Object.assign(newFn, Object.fromEntries(Object.entries(original)));
}

describe.each(expressVersions)('$name', ({ name, express }) => {
  const build = (wrap: (layer: Wrapped) => void, inner: Application): readonly string[] => {
    const app = express();
    const router = express.Router().use(auth.requireAuth()).get('/x', handler);
    inner.get('/x', handler);
    app.use('/api', passing);
    app.use('/api/auth', auth.router());
    app.use('/api/router', router).use('/api/inner', inner).use(auth.requireAuth());
    app.get('/last', auth.requireScopes('a'), handler);
    for (const { stack } of [router, Reflect.get(app, name === 'Express 4' ? '_router' : 'router')])
      for (const layer of stack) {
        if (!layer.route || wrap === caught) wrap(layer);
        if (wrap === caught) layer.route?.stack.forEach(wrap);
      }
    return auth.routes(app).map(({ path, protection }) => `${path} ${protection}`);
  };

  const all = [
    '/api/auth/* auth_router',
    '/api/router/x guarded',
    '/api/inner/x none',
    '/last guarded',
  ];

  it('sees through the functions of OpenTelemetry', () => {
    expect(build(traced, express())).toEqual(all);
  });

  it('knows guards in the functions of express-async-errors, and routers', () => {
    expect(build(caught, express())).toEqual(all.filter((line) => !line.includes('inner')));
  });
});
