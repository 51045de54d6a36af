import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { eventLabels, eventNames, labelsOf } from 'latchkey';
import { describe, expect, it } from 'vitest';
import { root } from '../package/build-package.js';
import { addUser, bearer, serveAuth } from '../world/auth-server.js';

describe('the labels of events', () => {
  it('are known for every event', async () => {
    const source = await readFile(path.join(root, 'lib', 'events', 'auth-events.ts'), 'utf8');
    const declared = /export interface AuthEvents \{(.*?)^\}/ms.exec(source)?.[1] ?? '';
    const names = [...declared.matchAll(/^ {2}'([a-z_.]+)': /gm)].map(([, name]) => name);
    expect(names.length).toBeGreaterThan(30);
    expect(new Set<string>(eventNames)).toEqual(new Set(names));
    expect(Object.keys(eventLabels)).toHaveLength(names.length);
  });

  it('are words of ours: what came from a request, an issuer or a user is none', () => {
    const ip = '192.0.2.7';
    expect(labelsOf('token.refused', { code: 'INVALID_TOKEN', reason: 'audience', ip })).toEqual({
      code: 'INVALID_TOKEN',
      reason: 'audience',
    });
    expect(labelsOf('token.refused', { code: 'TOKEN_EXPIRED', reason: undefined })).toEqual({
      code: 'TOKEN_EXPIRED',
    });
    const failed = { issuer: 'https://tenant-1.example', reason: 'network', retryAfterSeconds: 5 };
    expect(labelsOf('keys.failed', failed)).toEqual({ reason: 'network' });
    expect(labelsOf('org.deleted', { orgId: 'acme', by: 'ada' })).toEqual({});
    const change = { userId: 'ada', change: 'updated', by: 'ben' } as const;
    expect(labelsOf('user.changed', change)).toEqual({ change: 'updated' });
    const down = { operation: 'sessions.rotate', reason: 'not_ready' };
    expect(labelsOf('store.failed', down)).toEqual(down);
  });

  it.each([randomUUID(), 'user-17', 'two words', 'line\nbreak', '', '<script>', 'x'.repeat(41)])(
    'a reason of the application that is no word, %j, is "other"',
    (reason) => {
      expect(labelsOf('session.revoked', { sessionId: 's', reason })).toEqual({ reason: 'other' });
    },
  );

  it('do not multiply with users, addresses and tokens', async () => {
    const { auth, post, get } = await serveAuth();
    const series = new Set<string>();
    for (const name of eventNames)
      auth.on(name, (event) => series.add(JSON.stringify([name, labelsOf(name, event)])));
    await addUser({ auth });
    const login = (username: string, password: string) =>
      post('/api/auth/login', { username, password });
    await login('alice', 'not her password');
    await get('/api/me', bearer({ access_token: randomUUID() }));
    const before = series.size;
    expect(before).toBeGreaterThan(1);
    for (let n = 0; n < 20; n += 1) {
      await get('/api/me', bearer({ access_token: randomUUID() }));
      await post('/api/auth/refresh', { refresh_token: `${n}${randomUUID()}` });
    }
    // One more: the refused refresh tokens.
    expect(series.size).toBe(before + 1);
  });
});
