import { CompactEncrypt } from 'jose';
import { describe, expect, it } from 'vitest';
import { createRootKeys } from '../../lib/secrets/derived-keys.js';
import { createSealer, TooLongToSealError } from '../../lib/secrets/sealing.js';
import { createClock } from '../world/clock.js';

const roots = createRootKeys(['a root secret of enough bytes, said one']);
const others = createRootKeys(['a root secret of enough bytes, said two']);

it('what was sealed opens until its end, and not at it', async () => {
  const clock = createClock();
  const sealer = createSealer(roots, 'test', clock);
  const sealed = await sealer.seal({ a: [1, 'ü', null] }, 60);
  expect(sealed).not.toContain('ü');
  clock.advance(59);
  expect(await sealer.open(sealed)).toEqual({ a: [1, 'ü', null] });
  clock.advance(1);
  expect(await sealer.open(sealed)).toBeUndefined();
});

it('a previous root opens, and the current one seals', async () => {
  const clock = createClock();
  const before = await createSealer(roots, 'test', clock).seal('kept', 60);
  const rotated = createRootKeys([
    'a root secret of enough bytes, said two',
    'a root secret of enough bytes, said one',
  ]);
  const sealer = createSealer(rotated, 'test', clock);
  expect(await sealer.open(before)).toBe('kept');
  const after = await sealer.seal('new', 60);
  expect(await createSealer(others, 'test', clock).open(after)).toBe('new');
  expect(await createSealer(roots, 'test', clock).open(after)).toBeUndefined();
});

describe('what does not open', () => {
  const clock = createClock();
  const key = roots.current.derive('seal test');
  const { kid } = roots.current;
  const encrypt = (header: object, text = '{"value":1,"until":9e15}') =>
    new CompactEncrypt(Buffer.from(text)).setProtectedHeader(header as never).encrypt(key);

  it.each([
    { title: 'text', sealed: async () => 'x' },
    { title: 'nothing', sealed: async () => '' },
    { title: 'another purpose', sealed: () => createSealer(roots, 'other', clock).seal(1, 60) },
    { title: 'another root', sealed: () => createSealer(others, 'test', clock).seal(1, 60) },
    {
      title: 'a changed character',
      sealed: async () => tamper(await createSealer(roots, 'test', clock).seal(1, 60)),
    },
    { title: 'no kid', sealed: () => encrypt({ alg: 'dir', enc: 'A256GCM' }) },
    { title: 'an unknown kid', sealed: () => encrypt({ alg: 'dir', enc: 'A256GCM', kid: 'x' }) },
    { title: 'another algorithm', sealed: () => encrypt({ alg: 'A256KW', enc: 'A256GCM', kid }) },
    { title: 'no end', sealed: () => encrypt({ alg: 'dir', enc: 'A256GCM', kid }, '{"value":1}') },
    { title: 'a list', sealed: () => encrypt({ alg: 'dir', enc: 'A256GCM', kid }, '[]') },
    {
      title: 'more than a cookie holds',
      sealed: () =>
        createSealer(roots, 'test', { ...clock, maxLength: 9000 }).seal('x'.repeat(5000), 60),
    },
  ])('$title', async ({ sealed }) => {
    expect(await createSealer(roots, 'test', clock).open(await sealed())).toBeUndefined();
  });

  it('what would be too long to open is not sealed', async () => {
    const sealing = createSealer(roots, 'test', clock).seal('x'.repeat(5000), 60);
    await expect(sealing).rejects.toThrow(TooLongToSealError);
  });

  it('what is well made does', async () => {
    const sealed = await encrypt({ alg: 'dir', enc: 'A256GCM', kid });
    expect(await createSealer(roots, 'test', clock).open(sealed)).toBe(1);
  });

  function tamper(sealed: string): string {
    const at = sealed.lastIndexOf('.') - 2;
    return `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`;
  }
});

it('every purpose has a key of its own, and none is the root', () => {
  const keys = ['one', 'two', 'kid'].map((purpose) =>
    roots.current.derive(purpose).toString('hex'),
  );
  expect(new Set(keys).size).toBe(3);
  expect(roots.current.derive('one')).toHaveLength(32);
  expect(roots.find(roots.current.kid)).toBe(roots.current);
  expect(roots.find('unknown')).toBeUndefined();
});
