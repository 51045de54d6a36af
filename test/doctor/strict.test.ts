import { ConfigError, createAuth } from 'latchkey';
import { expect, it, onTestFinished } from 'vitest';
import { HEALTHY } from './inspect.js';

const env = { ...HEALTHY, AUTH_STORE_URL: 'file:./never-opened.db', AUTH_STRICT: 'on' };

function create(given: Readonly<Record<string, string | undefined>>): void {
  const auth = createAuth({ env: given, onWarning: () => undefined });
  onTestFinished(() => auth.close());
}

it('an application that nothing is wrong with starts with AUTH_STRICT', () => {
  expect(() => create(env)).not.toThrow();
});

it('AUTH_STRICT refuses to start with what doctor would warn of, all of it at once, and with the cure', () => {
  const wrong = { ...env, AUTH_ACCESS_TTL: '1d', AUTH_CORS_ORIGINS: '*', WEB_CONCURRENCY: '2' };
  expect(() => create({ ...wrong, AUTH_STRICT: undefined })).not.toThrow();
  expect(() => create(wrong)).toThrow(ConfigError);
  expect(() => create({ ...wrong, AUTH_ACCEPTED_WARNINGS: 'cors' })).toThrow(
    /AUTH_STRICT.*AUTH_ACCEPTED_WARNINGS=access_lifetime,cors /,
  );
  expect(() => create(wrong)).toThrow(
    expect.objectContaining({
      problems: [
        expect.objectContaining({
          setting: 'access_lifetime:',
          fix: expect.stringContaining('1h'),
        }),
        expect.objectContaining({ setting: 'cors:' }),
      ],
    }),
  );
});

it('an accepted warning lets it start', () => {
  const accepting = { ...env, AUTH_ACCESS_TTL: '1d', AUTH_ACCEPTED_WARNINGS: 'access_lifetime' };
  expect(() => create(accepting)).not.toThrow();
});

it('a forgotten NODE_ENV keeps it from starting', () => {
  expect(() => create({ ...env, NODE_ENV: undefined })).toThrow(/NODE_ENV/);
});
