import { Socket } from 'node:net';
import { expect, it, vi } from 'vitest';
import { createTestIssuer } from '../../lib/testing/index.js';

it('an issuer mints, publishes, rotates and forges without opening a connection', async () => {
  const connect = vi.spyOn(Socket.prototype, 'connect').mockImplementation(() => {
    throw new Error('no network');
  });
  const fetched = vi.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('no network'));
  const issuer = await createTestIssuer();
  await issuer.mint();
  await issuer.rotate();
  expect((await issuer.fetch(issuer.jwksUri)).status).toBe(200);
  expect(await issuer.forge.all()).not.toHaveLength(0);
  expect(connect).not.toHaveBeenCalled();
  expect(fetched).not.toHaveBeenCalled();
});
