import { createTestIssuer } from 'latchkey/testing';
import { describe, expect, it } from 'vitest';
import { createEvents } from '../../lib/events.js';
import { createSeenHeaders } from '../../lib/verifier/tokens/seen-headers.js';
import { createIssuerDirectory } from '../../lib/verifier/trusted-issuers/directory.js';

const NOW_MS = 1_800_000_000_000;

/** Issuers as a verifier prepares them. */
async function trustedIssuers(...names: readonly string[]) {
  const issuers = await Promise.all(names.map((issuer) => createTestIssuer({ issuer })));
  return createIssuerDirectory({
    issuers: issuers.map(({ policy }) => policy),
    resolveIssuer: undefined,
    cache: undefined,
    allowLoopbackHttp: false,
    allowHttpHosts: new Set(),
    internalHosts: new Set(),
    clockToleranceSeconds: 0,
    events: createEvents(),
    now: () => NOW_MS,
  }).all();
}

describe.each([
  { title: 'a short header', header: 'a'.repeat(40) },
  { title: 'a header that is kept by its digest', header: 'a'.repeat(4_000) },
])('the issuers that have sent $title', ({ header }) => {
  it('are told for every token under it, and for no other', async () => {
    const issuers = await trustedIssuers('https://a.test');
    const [a] = issuers;
    if (!a) throw new Error('no issuer');
    const seen = createSeenHeaders();
    expect(seen.issuersOf(`${header}.claims.signature`)).toBeUndefined();
    seen.add(`${header}.claims.signature`, a, NOW_MS);
    for (const rest of ['claims.signature', 'others.signature', 'c.s'])
      expect(seen.issuersOf(`${header}.${rest}`)).toEqual([a]);
    for (const other of [`${header}b`, header.slice(1), `${header.slice(1)}b`, 'x', ''])
      expect(seen.issuersOf(`${other}.claims.signature`)).toBeUndefined();
  });

  it('are each told once, in the order in which they came', async () => {
    const [a, b] = await trustedIssuers('https://a.test', 'https://b.test');
    if (!a || !b) throw new Error('no issuers');
    const seen = createSeenHeaders();
    for (const issuer of [a, b, a, b]) seen.add(`${header}.c.s`, issuer, NOW_MS);
    const issuers = seen.issuersOf(`${header}.c.s`);
    expect(issuers?.map(({ policy }) => policy)).toEqual([a.policy, b.policy]);
  });

  it.each([
    { title: 'a millisecond before its end', trustedForMs: 1, stays: true },
    { title: 'at its end', trustedForMs: 0, stays: false },
    { title: 'after its end', trustedForMs: -1, stays: false },
  ])('lose one that is no longer trusted when another comes: $title', async (row) => {
    const [a, b] = await trustedIssuers('https://a.test', 'https://b.test');
    if (!a || !b) throw new Error('no issuers');
    const seen = createSeenHeaders();
    seen.add(`${header}.c.s`, a, NOW_MS);
    a.trustedUntil = NOW_MS + row.trustedForMs;
    seen.add(`${header}.c.s`, b, NOW_MS);
    const policies = seen.issuersOf(`${header}.c.s`)?.map(({ policy }) => policy);
    expect(policies).toEqual(row.stays ? [a.policy, b.policy] : [b.policy]);
  });
});
