import { createAuth } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { expect, it } from 'vitest';
import { addUser, serveAuth } from '../world/auth-server.js';

it('settled() waits until the mails behind the replies are sent, also one that fails', async () => {
  const sending: ((outcome: 'sent' | 'failed') => void)[] = [];
  const sendMail = () =>
    new Promise<void>((resolve, reject) => {
      sending.push((outcome) => (outcome === 'sent' ? resolve() : reject(new Error('no mail'))));
    });
  const server = await serveAuth({}, { sendMail });
  for (const username of ['ada', 'ben'])
    await addUser(server, { username, email: `${username}@example.com` });
  const order: string[] = [];
  for (const name of ['ada', 'ben', 'nobody'])
    await server.post('/api/auth/forgot-password', { email: `${name}@example.com` });
  const settled = server.auth.settled().then(() => order.push('settled'));
  await expect.poll(() => sending.length).toBe(2);
  order.push('sent');
  sending[0]?.('sent');
  sending[1]?.('failed');
  await settled;
  expect(order).toEqual(['sent', 'settled']);
});

it('settled() has nothing to wait for in an application that only verifies tokens', async () => {
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const auth = createAuth({ env: {}, trustedIssuers: [issuer.policy] });
  expect(await auth.settled()).toBeUndefined();
});
