import { describe, expect, it } from 'vitest';
import { type BoundedMap, createBoundedMap } from '../lib/bounded-map.js';

const CAPACITY = 3;

/** A full map of `a`, `b` and `c`, each mapped to itself; `a` is the oldest. */
function fullMap(): BoundedMap<string, string> {
  const map = createBoundedMap<string, string>(CAPACITY);
  for (const key of ['a', 'b', 'c']) map.set(key, key);
  return map;
}

describe('a bounded map', () => {
  it('holds as many entries as its capacity', () => {
    const map = fullMap();
    expect([...map.values()]).toEqual(['a', 'b', 'c']);
    expect(map.size).toBe(CAPACITY);
    expect(map.get('a')).toBe('a');
    expect(map.get('d')).toBeUndefined();
  });

  it('drops its oldest entry for a new one', () => {
    const map = fullMap();
    map.set('d', 'd');
    expect([...map.values()]).toEqual(['b', 'c', 'd']);
    map.set('e', 'e');
    expect([...map.values()]).toEqual(['c', 'd', 'e']);
  });

  it('does not keep an entry longer because it is read', () => {
    const map = fullMap();
    map.get('a');
    map.set('d', 'd');
    expect(map.get('a')).toBeUndefined();
  });

  it('makes an entry the newest when it is set again, and drops none', () => {
    const map = fullMap();
    map.set('a', 'A');
    expect([...map.values()]).toEqual(['b', 'c', 'A']);
    map.set('d', 'd');
    expect([...map.values()]).toEqual(['c', 'A', 'd']);
  });

  it('keeps the order of age through every mixture of changes', () => {
    const map = createBoundedMap<number, number>(CAPACITY);
    let expected: number[] = [];
    // A fixed walk over eight keys that sets, deletes and now and then clears.
    for (let step = 0, at = 1; step < 5000; step += 1, at = (at * 75 + 74) % 65_537) {
      const key = at % 8;
      expected = expected.filter((other) => other !== key);
      if (at % 5 === 0) map.delete(key);
      else {
        map.set(key, key);
        expected = [...expected, key].slice(-CAPACITY);
      }
      if (at % 101 === 0) {
        map.clear();
        expected = [];
      }
      expect([...map.values()]).toEqual(expected);
    }
  });

  it('says whether it had the entry that is deleted', () => {
    const map = fullMap();
    expect(map.delete('b')).toBe(true);
    expect(map.delete('b')).toBe(false);
    expect([...map.values()]).toEqual(['a', 'c']);
  });

  it('is empty once cleared, and can be filled again', () => {
    const map = fullMap();
    map.set('d', 'd');
    map.clear();
    expect(map.size).toBe(0);
    for (const key of ['e', 'f', 'g', 'h']) map.set(key, key);
    expect([...map.values()]).toEqual(['f', 'g', 'h']);
  });

  it('takes undefined as a key and as a value like any other', () => {
    const map = createBoundedMap<string | undefined, string | undefined>(1);
    map.set(undefined, undefined);
    expect(map.size).toBe(1);
    map.set('a', undefined);
    expect([...map.values()]).toEqual([undefined]);
    expect(map.delete('a')).toBe(true);
  });

  it('can have room for a single entry', () => {
    const map = createBoundedMap<string, number>(1);
    map.set('a', 1);
    map.set('b', 2);
    expect([map.get('a'), map.get('b')]).toEqual([undefined, 2]);
  });

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 16_000_001])(
    'refuses a capacity of %s',
    (capacity) => {
      expect(() => createBoundedMap(capacity)).toThrow(TypeError);
    },
  );
});
