import { errorHandler, securityHeaders } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { didYouMean, nearestNames } from '../lib/known-options.js';

describe('a misspelt name', () => {
  const names = [
    'frameAncestors',
    'preset',
    'jwt.secret',
    'JWT_ISSUER',
    'OIDC_ISSUER',
    'GITHUB_CLIENT_ID',
  ];

  it.each([
    ['frameAncestor', ['frameAncestors']],
    ['frame_ancestors', ['frameAncestors']],
    ['persets', ['preset']],
    ['jwtSecret', ['jwt.secret']],
    ['GITHUB_ID', ['GITHUB_CLIENT_ID']],
    ['ISSUER', ['JWT_ISSUER', 'OIDC_ISSUER']],
  ])('%s suggests %j', (name, nearest) => {
    expect(nearestNames(name, names)).toEqual(nearest);
  });

  it.each(['foo', 'port', 'x', '', 'timeout', 'CLIENT_SECRETS_PATH'])(
    '%j suggests nothing',
    (name) => {
      expect(nearestNames(name, names)).toEqual([]);
      expect(didYouMean([])).toBeUndefined();
    },
  );
});

describe('an unknown option', () => {
  it('is refused with the one it resembles', () => {
    const options: object = { frameAncestor: [] };
    expect(() => securityHeaders(options)).toThrow(/frameAncestor; did you mean frameAncestors\?/);
  });

  it('is refused with all there are when it resembles none', () => {
    const options: object = { color: 'red' };
    expect(() => errorHandler(options)).toThrow(
      /no option color; it has format, reasons, html, events/,
    );
  });
});
