import { createAuth } from 'latchkey';
import { expect, it, onTestFinished } from 'vitest';
import { type CreatedAuth, onCreated } from '../../lib/doctor/created.js';
import { BASE } from '../world/auth-server.js';

it('hears of every createAuth(), and of the options of its routers, until that ends', () => {
  const heard: CreatedAuth[] = [];
  const stop = onCreated((created) => heard.push(created));
  onTestFinished(stop);
  const create = () => {
    const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000', basePath: '/auth' });
    onTestFinished(() => auth.close());
    return auth;
  };
  const auth = create();
  const sendMail = () => undefined;
  auth.router({ sendMail });
  stop();
  create();
  expect(heard).toEqual([expect.objectContaining({ routers: [{ sendMail }], basePath: '/auth' })]);
  const [{ config, origins, hasOwnStore } = {}] = heard;
  expect(config).toBe(auth.config);
  expect(origins?.nameOf('jwt.secret')).toBe('the option jwt.secret');
  expect(hasOwnStore).toBe(false);
});
