import { randomBytes } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readSecret } from '../../lib/verifier/keys/verification-keys.js';

// A file of its own: each warning comes once per process, which other files must not have used up.

describe('a secret that others may know', () => {
  async function warningsOf(secret: string | Uint8Array): Promise<readonly string[]> {
    const warnings: string[] = [];
    const listen = ({ message }: Error) => void warnings.push(message);
    process.on('warning', listen);
    onTestFinished(() => void process.off('warning', listen));
    readSecret(secret, 'HS256');
    readSecret(secret, 'HS256');
    await new Promise(setImmediate);
    return warnings;
  }

  it('causes one warning, which does not quote it', async () => {
    const secret = 'correct-horse-battery'.repeat(3);
    const warnings = await warningsOf(secret);
    expect(warnings).toEqual([expect.stringContaining('`keys`')]);
    expect(warnings.join('\n')).not.toContain('correct-horse');
  });

  it('is not a random one: that causes no warning', async () => {
    expect(await warningsOf(randomBytes(32))).toEqual([]);
  });
});
