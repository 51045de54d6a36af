import { createDpopKey } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createRootKeys } from '../../lib/secrets/derived-keys.js';
import { createProofNonces } from '../../lib/authenticate/dpop/proof-nonces.js';
import { createClock } from '../world/clock.js';
import { createDpopApp, type Reply } from '../world/dpop-app.js';

const SECRET = 'kQ3vT9mB8sXw2kL6tR1yN5uH9cE3gP7dFaVoIqTz';
const OTHER = 'aP7vT9mB8sXw2kL6tR1yN5uH9cE3gP7dFaVoIqTz';
const withNonces = { secret: SECRET, dpop: { mode: 'accepted', nonceTtlSeconds: 300 } } as const;

const nonceOf = ({ headers }: Reply): string => headers.get('dpop-nonce') ?? '';

describe('a nonce of the server (H8)', () => {
  it('is asked for with exactly one DPoP-Nonce, in a response that no cache keeps', async () => {
    const { call, outcomeOf } = await createDpopApp(withNonces);
    const refused = await call();
    expect(refused).toMatchObject({
      status: 401,
      body: { code: 'USE_DPOP_NONCE', error: 'use_dpop_nonce' },
    });
    expect(refused.headers.get('cache-control')).toBe('no-store');
    expect(refused.headers.get('www-authenticate')).toMatch(
      /^DPoP realm="api", error="use_dpop_nonce", algs="[\w ]+"$/,
    );
    expect(nonceOf(refused)).toMatch(/^[\w.-]{20,80}$/);
    expect(await outcomeOf(call({ nonce: nonceOf(refused) }))).toBe('200');
  });

  it('is worthless when it has expired, and the next one comes ahead of that', async () => {
    const { clock, call, outcomeOf } = await createDpopApp(withNonces);
    const nonce = nonceOf(await call());
    expect(nonceOf(await call({ nonce }))).toBe('');
    clock.advance(150);
    const ahead = await call({ nonce });
    expect([ahead.status, ahead.headers.get('cache-control')]).toEqual([200, 'no-store']);
    clock.advance(149);
    expect(await outcomeOf(call({ nonce }))).toBe('200');
    clock.advance(1);
    expect(await outcomeOf(call({ nonce }))).toBe('401 USE_DPOP_NONCE nonce_worthless');
    expect(await outcomeOf(call({ nonce: nonceOf(ahead) }))).toBe('200');
  });

  it('of another client is worthless', async () => {
    const { clock, call, get, issuer, url, outcomeOf } = await createDpopApp(withNonces);
    const nonce = nonceOf(await call());
    const other = await createDpopKey({ now: clock.now });
    const token = await issuer.mint({ cnf: other.cnf });
    const dpop = other.proof({ url, token, nonce });
    expect(await outcomeOf(get({ authorization: `DPoP ${token}`, dpop }))).toBe(
      '401 USE_DPOP_NONCE nonce_worthless',
    );
  });

  it('that is forged is worthless', async () => {
    const { call, outcomeOf } = await createDpopApp(withNonces);
    const [time = '', mac = ''] = nonceOf(await call()).split('.');
    const later = (Number.parseInt(time, 36) + 100).toString(36);
    for (const nonce of [
      `${later}.${mac}`,
      `${time}.${'A'.repeat(43)}`,
      `${time}.${mac}.`,
      `${time}${mac}`,
      mac,
      '',
      '\0\uD800',
      'x'.repeat(2000),
    ])
      expect(await outcomeOf(call({ nonce }))).toBe('401 USE_DPOP_NONCE nonce_worthless');
  });

  it('is not used up by a failure, and a proof with it still counts once', async () => {
    const { call, get, proof, token, outcomeOf } = await createDpopApp(withNonces);
    const nonce = nonceOf(await call());
    const headers = { authorization: `DPoP ${token}`, dpop: proof({ nonce }) };
    expect(await outcomeOf(get(headers))).toBe('200');
    expect(await outcomeOf(get(headers))).toBe('401 INVALID_DPOP_PROOF proof_replayed');
    expect(await outcomeOf(call({ nonce }))).toBe('200');
  });

  it('counts after its secret was rotated, and not after that was withdrawn', () => {
    const { now } = createClock();
    const made = (roots: readonly [string, ...string[]]) =>
      createProofNonces({ rootKeys: createRootKeys(roots), lifeSeconds: 60, now });
    const nonce = made([SECRET]).issue('key');
    expect(made([SECRET]).judge(nonce, 'key')).toBe('fresh');
    expect(made([OTHER, SECRET]).judge(nonce, 'key')).toBe('fresh');
    expect(made([OTHER]).judge(nonce, 'key')).toBe('worthless');
  });

  it('of an instance whose clock is a little ahead counts, and one of the future does not', () => {
    const clock = createClock();
    const nonces = (ahead: number) =>
      createProofNonces({
        ...{ rootKeys: createRootKeys([SECRET]), lifeSeconds: 60 },
        now: () => clock.now() + ahead * 1000,
      });
    expect(nonces(0).judge(nonces(5).issue('key'), 'key')).toBe('fresh');
    expect(nonces(0).judge(nonces(6).issue('key'), 'key')).toBe('worthless');
  });
});
