import { describe, expect, it } from 'vitest';
import { createPasswords, type PasswordOptions } from '../../lib/accounts/passwords/passwords.js';
import { createEvents } from '../../lib/events.js';

const create = (options: PasswordOptions) =>
  createPasswords(options, { events: createEvents(), cores: 2 });

describe('limits of hashing', () => {
  it.each<PasswordOptions>([
    { maxConcurrentHashes: 1, maxQueuedHashes: 1 },
    { hashesAtOnce: 1, mostWaiting: 1 },
  ])('with %o one hash runs, one waits, and the third is refused', async (options) => {
    const passwords = create(options);
    const outcomes = await Promise.allSettled(
      ['first', 'second', 'third'].map((password) => passwords.hash(password)),
    );
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(outcomes[2]).toMatchObject({ reason: { code: 'SERVER_BUSY', status: 503 } });
  });

  it.each<PasswordOptions>([
    { maxConcurrentHashes: 0 },
    { maxConcurrentHashes: 65 },
    { maxQueuedHashes: -1 },
    { maxQueuedHashes: 10_001 },
    { hashesAtOnce: 0 },
    { maxQueuedHashes: 1, mostWaiting: 1 },
  ])('%o is refused when the application starts', (options) => {
    expect(() => create(options)).toThrow(TypeError);
  });
});
