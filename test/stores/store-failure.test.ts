import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { explainFailure } from '../../lib/stores/failures/store-failure.js';
import { siteOf } from '../../lib/stores/store-site.js';

/** Has every character that a URL must escape, and is what no message may hold, in whichever spelling. */
const PASSWORD = 'p@ss:w/rd#1?&%';
const ESCAPED = encodeURIComponent(PASSWORD);

describe('what is kept of an error', () => {
  it('is not the URL that a driver repeats, nor the arguments of its command, nor a row', () => {
    const url = `redis://me:${ESCAPED}@redis.example:6380/0`;
    const echo = Object.assign(new TypeError(`Invalid URL: ${url}, password ${PASSWORD}`), {
      code: 'ERR_INVALID_URL',
      input: url,
      command: { name: 'auth', args: ['me', PASSWORD] },
      detail: 'Key (email)=(ada@example.com) already exists.',
    });
    const wrapped = new AggregateError([new Error('first', { cause: echo })], url);
    const failure = explainFailure(wrapped, siteOf(url));
    const all = inspect(failure, { depth: 20, showHidden: true });
    for (const secret of [url, PASSWORD, ESCAPED, 'ada@example.com'])
      expect(all).not.toContain(secret);
    expect(failure.message).toContain('Redis at redis.example:6380');
  });

  it('is not what Redis repeats of a command that it does not know', () => {
    const message = "ERR unknown command 'EVALSHA', with args beginning with: 'abc' '1' 'a-hash' ";
    const failure = explainFailure(new Error(message), undefined);
    expect(failure.reason).toBe('permission');
    expect(inspect(failure, { depth: 20 })).not.toContain('a-hash');
  });

  it.each([
    // A password with characters that end the host too early.
    'postgres://me:1234#ss@db.example/auth',
    'postgres://me:1234/ss@db.example/auth',
    'postgres://me:1234?ss@db.example/auth',
  ])('is no part of a password where %s is read otherwise than it was meant', (url) => {
    expect(siteOf(url).name).toBe('PostgreSQL');
  });
});
