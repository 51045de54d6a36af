import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { decodeJwt, decodeProtectedHeader, SignJWT } from 'jose';
import { createAuth, memoryStore } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { pinoHttp } from 'pino-http';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createApp, type StoredFile } from '../../../examples/recipes/file-links/app.js';
import { createLinks, type LinkOptions } from '../../../examples/recipes/file-links/links.js';
import { loggedRequest } from '../../../examples/recipes/file-links/logging.js';
import {
  addUser,
  BASE,
  bearer,
  createClient,
  recordEvents,
  SECRET,
} from '../../world/auth-server.js';
import { serve } from '../../world/serve.js';

const TEXT = 'Revenue, by quarter';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'latchkey-'));
  await writeFile(path.join(folder, '1.bin'), TEXT);
  await writeFile(path.join(path.dirname(folder), `${path.basename(folder)}.secret`), 'secret');
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(`${folder}.secret`);
});

const files = (): Readonly<Record<string, StoredFile>> => ({
  report: { path: '1.bin', name: 'Übersicht "Q3"; x=\r\n.html' },
  other: { path: '1.bin', name: 'other.png' },
  gone: { path: 'gone.bin', name: 'gone.pdf' },
  // Half of a character, as where a name was cut off.
  halved: { path: '1.bin', name: 'a\uD83D.pdf' },
  // What a careless upload may have stored.
  outside: { path: `../${path.basename(folder)}.secret`, name: 'x' },
});

async function start(options: Partial<LinkOptions> = {}) {
  let now = Date.now();
  const readers = new Map<string, readonly string[]>();
  const nameOf = (issuer: string, subject: string) => JSON.stringify([issuer, subject]);
  const publicUrl = 'http://localhost:3000';
  const issuer = await createTestIssuer({ algorithm: 'ES256' });
  const trustedIssuers = [issuer.policy];
  const auth = createAuth({ ...BASE, publicUrl, trustedIssuers, now: () => now });
  const ada = await addUser({ auth }, { username: 'ada' });
  await addUser({ auth }, { username: 'ben' });
  const adasName = nameOf(publicUrl, ada.id);
  readers.set(adasName, ['report', 'other', 'gone', 'halved', 'outside']);
  const links = createLinks({ secret: Buffer.from(SECRET), now: () => now, ...options });
  const app = createApp({
    ...{ auth, links, folder },
    findFile: async (fileId, { issuer: by, subject }) =>
      readers.get(nameOf(by, subject))?.includes(fileId) ? files()[fileId] : undefined,
  });
  const logged: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logged.push(String(chunk));
      done();
    },
  });
  const log = pinoHttp({ serializers: { req: loggedRequest } }, sink);
  const { origin } = await serve((req, res) => {
    log(req, res);
    app(req, res);
  });
  const events = recordEvents(auth);
  const { post, ...client } = createClient({ auth, origin });
  const signIn = async (username: string) => bearer(await client.signIn(username));
  const ofAda = await signIn('ada');
  return {
    ...{ auth, origin, post, signIn, ofAda, ada, events, logged, links },
    advance: (seconds: number) => void (now += seconds * 1000),
    expelAda: () => readers.delete(adasName),
    /** Headers of another issuer's user who has the same id. */
    namesake: async () => ({ authorization: `Bearer ${await issuer.mint({ sub: ada.id })}` }),
    link: async (fileId = 'report'): Promise<string> => {
      const response = await post(`/api/files/${fileId}/links`, undefined, ofAda);
      return `${origin}${((await response.json()) as { url: string }).url}`;
    },
  };
}

describe('a link to a file', () => {
  it('opens the file without a token, to be saved under its name, and is kept nowhere', async () => {
    const { link } = await start();
    const response = await fetch(await link());
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(TEXT);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'cache-control': 'private, no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    const disposition = response.headers.get('content-disposition') ?? '';
    expect(disposition).toMatch(/^attachment; filename=/);
    expect(disposition).toContain(
      "filename*=UTF-8''%C3%9Cbersicht%20%22Q3%22%3B%20x%3D%0D%0A.html",
    );
  });

  it('gives parts of the file, so that downloads can be resumed', async () => {
    const { link } = await start();
    const url = await link();
    const whole = await fetch(url, { method: 'HEAD' });
    expect(whole.headers.get('accept-ranges')).toBe('bytes');
    const part = await fetch(url, {
      headers: { range: 'bytes=9-', 'if-range': whole.headers.get('etag') ?? '' },
    });
    expect(part.status).toBe(206);
    expect(await part.text()).toBe(TEXT.slice(9));
    const beyond = await fetch(url, { headers: { range: 'bytes=999-' } });
    expect(beyond.status).toBe(416);
    expect(beyond.headers.get('content-range')).toBe(`bytes */${TEXT.length}`);
    expect(beyond.headers.get('content-disposition')).toBeNull();
  });

  it('answers 404 where the file is gone, and not with something to be saved under its name', async () => {
    const silent = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    onTestFinished(() => silent.mockRestore());
    const { link } = await start();
    const response = await fetch(await link('gone'));
    expect(response.status).toBe(404);
    expect(response.headers.get('content-disposition')).toBeNull();
  });

  it('opens a file whose name holds half of a character', async () => {
    const { link } = await start();
    const response = await fetch(await link('halved'));
    expect(response.status).toBe(200);
    expect(response.headers.get('content-disposition')).toContain(
      "filename*=UTF-8''a%EF%BF%BD.pdf",
    );
  });

  it('tells users of two issuers apart who have the same id', async () => {
    const { post, namesake, links, origin, ada } = await start();
    expect((await post('/api/files/report/links', undefined, await namesake())).status).toBe(404);
    const reader = { issuer: 'https://other.example/', subject: ada.id };
    const made = await links.make({ fileId: 'report', reader });
    expect((await fetch(`${origin}/files/report?link=${made}`)).status).toBe(403);
  });

  it('is made for those who are signed in and may read the file', async () => {
    const { post, signIn, ofAda } = await start();
    expect((await post('/api/files/report/links')).status).toBe(401);
    const ofBen = await signIn('ben');
    expect((await post('/api/files/report/links', undefined, ofBen)).status).toBe(404);
    expect((await post('/api/files/none/links', undefined, ofAda)).status).toBe(404);
    const made = await post('/api/files/report/links', undefined, ofAda);
    expect(made.status).toBe(201);
    expect(made.headers.get('cache-control')).toBe('no-store');
    expect(await made.json()).toMatchObject({ expires_in: 60 });
  });

  it('works for a minute; then a page says where to get another one', async () => {
    const { link, advance } = await start();
    const url = await link();
    advance(58);
    expect((await fetch(url)).status).toBe(200);
    advance(5);
    const late = await fetch(url);
    expect(late.status).toBe(410);
    expect(late.headers.get('content-type')).toContain('text/html');
    expect(late.headers.get('cache-control')).toBe('private, no-store');
    expect(late.headers.get('content-disposition')).toBeNull();
    expect(await late.text()).toContain('<a href="/">Your files</a>');
  });

  it('opens nothing when the user has lost access meanwhile', async () => {
    const { link, expelAda } = await start();
    const url = await link();
    expelAda();
    expect((await fetch(url)).status).toBe(403);
  });

  it('opens no other file, and none outside the folder', async () => {
    const { link, origin } = await start();
    const { search } = new URL(await link());
    for (const id of ['other', '..%2Foutside', '%2e%2e%2f1.bin', 'report%00'])
      expect((await fetch(`${origin}/files/${id}${search}`)).status).toBe(403);
    const outside = await fetch(await link('outside'));
    expect(outside.status).toBe(403);
    expect(await outside.text()).not.toContain('secret');
  });

  it.each(['', '?link=', '?link=junk', '?link=a&link=b', '?returnTo=https://evil.example'])(
    'is not %j, and the answer has nothing of the request in it',
    async (query) => {
      const { origin } = await start();
      const response = await fetch(`${origin}/files/report${query}`, { redirect: 'manual' });
      expect(response.status).toBe(403);
      expect(await response.text()).not.toMatch(/junk|evil/);
    },
  );

  it('is no access token, and an access token is no link, even where both are signed by one secret', async () => {
    const { link, origin, ofAda, ada, auth } = await start();
    const url = await link();
    const token = new URL(url).searchParams.get('link') ?? '';
    const asBearer = (text: string) => ({ authorization: `Bearer ${text}` });
    const ask = (headers: Record<string, string>) =>
      fetch(`${origin}/api/files/report/links`, { method: 'POST', headers });
    expect((await ask(asBearer(token))).status).toBe(401);
    const access = ofAda['authorization']?.slice(7) ?? '';
    expect((await fetch(`${origin}/files/report?link=${access}`)).status).toBe(403);

    // The claims of one under the header of the other.
    const secret = Buffer.from(SECRET);
    const dressed = await new SignJWT(decodeJwt(access))
      .setProtectedHeader({ ...decodeProtectedHeader(access), alg: 'HS256', typ: 'file-link+jwt' })
      .sign(secret);
    expect((await ask(asBearer(dressed))).status).toBe(401);
    const signed = (claims: object, typ: string) =>
      new SignJWT({ ...decodeJwt(token), ...claims })
        .setProtectedHeader({ alg: 'HS256', typ })
        .sign(secret);
    for (const other of [
      await signed({}, 'at+jwt'),
      await signed({ aud: 'http://localhost:3000' }, 'file-link+jwt'),
      await signed({ exp: undefined }, 'file-link+jwt'),
    ])
      expect((await fetch(`${origin}/files/report?link=${other}`)).status).toBe(403);
    expect((await fetch(url)).status).toBe(200);
    expect(auth.config.jwt.secret).toBe(SECRET);
    expect(decodeJwt(token)).toMatchObject({ sub: ada.id, aud: 'file-links', file: 'report' });
  });

  it('works once where that is asked for; looking at its headers doesn’t count', async () => {
    const { link } = await start({ oneTime: memoryStore() });
    const url = await link();
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200);
    const answers = await Promise.all([fetch(url), fetch(url), fetch(url)]);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 410)).toHaveLength(2);
  });

  it('is in no event and, with the query left out, in no log', async () => {
    const { link, logged, events, expelAda } = await start();
    const url = await link();
    await fetch(url);
    expelAda();
    await fetch(url);
    await expect
      .poll(() => logged.filter((line) => line.includes('"/files/report"')).length)
      .toBe(2);
    const token = new URL(url).searchParams.get('link') ?? 'missing';
    const written = logged.join('') + JSON.stringify(events);
    expect(written.includes(token.slice(-20))).toBe(false);
  });

  it('needs a secret that nobody guesses', () => {
    expect(() => createLinks({ secret: Buffer.from('too short') })).toThrow(TypeError);
  });
});
