import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AuthError, createAuth, createVerifier, type Principal } from 'latchkey';
import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { warmUp } from '../../lib/verifier/warm-up.js';
import { createClock } from '../world/clock.js';

/** A verifier whose issuer's keys come by URL, and a token that has been sent twice on one connection. */
async function createWorld() {
  const clock = createClock();
  const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt', now: clock.now });
  const revoked = new Set<string>();
  let isTenant = true;
  const verifier = createVerifier({
    resolveIssuer: () =>
      isTenant
        ? {
            ...issuer.policy,
            keys: { jwksUri: issuer.jwksUri, fetch: issuer.fetch, cacheSeconds: 60 },
          }
        : undefined,
    isRevoked: ({ subject }) => revoked.has(subject),
    now: clock.now,
  });
  const connection = {};
  const verify = async (token: string, on: object | undefined = connection) => {
    try {
      return await verifier.verifyNow(token, on);
    } catch (error) {
      if (error instanceof AuthError) return error.code;
      throw error;
    }
  };
  const token = await issuer.mint({ sub: 'first', exp: clock.now() / 1000 + 200 });
  const first = (await verify(token)) as Principal;
  const second = (await verify(token)) as Principal;
  expect([first.subject, second.subject]).toEqual(['first', 'first']);
  const drop = () => {
    isTenant = false;
  };
  return { clock, issuer, verifier, verify, token, revoked, drop };
}

describe('a token that a connection has sent before', () => {
  it('is the same frozen principal, without another signature check', async () => {
    const { verifier, verify, token } = await createWorld();
    const again = await verify(token);
    expect(await verify(token)).toBe(again);
    expect(Object.isFrozen(again)).toBe(true);
    expect(verifier.counters().signatureChecks).toBe(1);
  });

  it('ends with its time', async () => {
    const { clock, verify, token } = await createWorld();
    clock.advance(204);
    expect(await verify(token)).toMatchObject({ subject: 'first' });
    clock.advance(1);
    expect(await verify(token)).toBe('TOKEN_EXPIRED');
  });

  it('ends with its revocation', async () => {
    const { verify, token, revoked } = await createWorld();
    revoked.add('first');
    expect(await verify(token)).toBe('TOKEN_REVOKED');
  });

  it('ends with its key', async () => {
    const { clock, issuer, verify, token } = await createWorld();
    await issuer.rotate({ keepOld: false });
    clock.advance(61);
    expect(await verify(token)).toBe('INVALID_TOKEN');
  });

  it('ends with its issuer, at most five minutes after the resolver dropped it', async () => {
    const { clock, issuer, verify, drop } = await createWorld();
    const lasting = await issuer.mint({ sub: 'lasting', exp: clock.now() / 1000 + 3600 });
    await verify(lasting);
    await verify(lasting);
    drop();
    clock.advance(301);
    expect(await verify(lasting)).toBe('INVALID_TOKEN');
  });

  it('waits for keys that no longer serve', async () => {
    const { clock, issuer, verify, token } = await createWorld();
    issuer.goDown();
    clock.advance(100);
    expect(await verify(token)).toMatchObject({ subject: 'first' });
  });

  it('says nothing of another token on the same connection, nor of a forged one that differs in the last character', async () => {
    const { issuer, verify, token } = await createWorld();
    const other = await issuer.mint({ sub: 'second' });
    expect(await verify(other)).toMatchObject({ subject: 'second' });
    expect(await verify(token)).toMatchObject({ subject: 'first' });
    const forged = `${token.slice(0, -2)}${token.endsWith('AA') ? 'BA' : 'AA'}`;
    expect(await verify(forged)).toBe('INVALID_TOKEN');
    expect(await verify(token)).toMatchObject({ subject: 'first' });
  });
});

it('two users who take turns on one connection are told apart', async () => {
  const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt' });
  const auth = createAuth({ env: {}, trustedIssuers: [issuer.policy] });
  const sockets = new Set<unknown>();
  const server = createServer((req, res) => {
    sockets.add(req.socket);
    auth.authenticate(req).then(
      ({ subject }) => res.end(subject),
      ({ status }: AuthError) => res.writeHead(status).end(),
    );
  }).listen(0, '127.0.0.1');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => {
    agent.destroy();
    server.close();
  });
  await new Promise((resolve) => void server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const get = (token: string) =>
    new Promise<string>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      request({ port, host: '127.0.0.1', agent, headers }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (part: string) => (body += part));
        response.on('end', () => resolve(body));
      })
        .on('error', reject)
        .end();
    });
  const [ada, bob] = await Promise.all(['ada', 'bob'].map((sub) => issuer.mint({ sub })));
  const answers: string[] = [];
  for (const token of [ada, ada, bob, bob, ada, bob, ada]) answers.push(await get(token ?? ''));
  expect(answers).toEqual(['ada', 'ada', 'bob', 'bob', 'ada', 'bob', 'ada']);
  expect(sockets.size).toBe(1);
});

it('ready() compiles the way of a token ahead and leaves no trace: no check counted, nothing remembered', async () => {
  const issuer = await createTestIssuer({ algorithm: 'ES256', profile: 'jwt' });
  const verifier = createVerifier({ issuers: issuer.policy });
  await verifier.ready();
  expect(verifier.counters()).toMatchObject({ signatureChecks: 0, cachedTokens: 0 });
});

it('warming up verifies a good token, recalls it, and recalls it by its connection', () => {
  const made: ReturnType<typeof createVerifier>[] = [];
  const verdicts: unknown[] = [];
  warmUp([], (options) => {
    const verifier = createVerifier(options);
    made.push(verifier);
    return {
      verifyNow(token, connection) {
        const verdict = verifier.verifyNow(token, connection);
        verdicts.push(verdict);
        return verdict;
      },
    };
  });
  expect(made.map((verifier) => verifier.counters())).toMatchObject([
    { signatureChecks: 1, cachedTokens: 1 },
  ]);
  const [verified, recalled, ofConnection] = verdicts;
  expect(verified).toMatchObject({ subject: 'latchkey:warm-up' });
  expect(recalled).not.toBe(verified);
  expect(ofConnection).toBe(recalled);
});

it('ready() passes whatever keys there are: of every algorithm, of several, of none', async () => {
  for (const algorithm of ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256'] as const) {
    const issuer = await createTestIssuer({ algorithm });
    await issuer.rotate();
    await createVerifier({ issuers: issuer.policy }).ready();
  }
  await createVerifier({ resolveIssuer: () => undefined }).ready();
});
