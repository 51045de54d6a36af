import express, { type RequestHandler } from 'express';
import { createAuth } from 'latchkey';
import { expect, it } from 'vitest';
import { addUser, BASE, PASSWORD } from '../world/auth-server.js';
import { serve } from '../world/serve.js';

async function serveBehind(...before: RequestHandler[]): Promise<string> {
  const auth = createAuth({ ...BASE, publicUrl: 'http://localhost:3000' });
  await addUser({ auth });
  const app = express();
  app.use('/api/auth', ...before, auth.router());
  app.use(auth.errorHandler());
  return `${(await serve(app)).origin}/api/auth`;
}

const JSON_BODY = {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ username: 'alice', password: PASSWORD }),
};

/** As serverless-http does it: `req.body` has bytes, and the stream is still to be read. */
const bytesAsBody: RequestHandler = (req, _res, next) => {
  req.body = Buffer.from(JSON_BODY.body);
  next();
};

it.each([
  { title: 'parsed by the application', before: express.json() },
  { title: 'bytes that an adapter put there', before: bytesAsBody },
])('a body that is $title is read', async ({ before }) => {
  const response = await fetch(`${await serveBehind(before)}/login`, JSON_BODY);
  expect(response.status).toBe(200);
});

it('bytes that the application has read, and not parsed, are no body', async () => {
  const auth = await serveBehind(express.raw({ type: () => true }));
  const response = await fetch(`${auth}/login`, JSON_BODY);
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ code: 'INVALID_REQUEST' });
});

it('no bytes, of a length of 0 that an adapter made a number, are no body', async () => {
  const auth = await serveBehind((req, _res, next) => {
    req.body = Buffer.alloc(0);
    Object.assign(req.headers, { 'content-length': 0 });
    next();
  });
  const login = await fetch(`${auth}/login`, { method: 'POST' });
  expect(login.status).toBe(400);
  const logout = await fetch(`${auth}/logout`, {
    method: 'POST',
    headers: { cookie: 'latchkey-session=none', 'x-csrf': '1' },
  });
  expect(logout.status).toBe(204);
});
