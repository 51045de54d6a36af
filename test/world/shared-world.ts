import { afterAll, beforeAll, onTestFinished } from 'vitest';

type End = () => unknown;

/** Where ends go while a world for several tests is made. */
let endings: End[] | undefined;

/** Ends a part of a world with the test that made it, or with the last of the tests that share it. */
export function onWorldEnd(end: End): void {
  if (endings) endings.push(end);
  else onTestFinished(async () => void (await end()));
}

/**
 * Makes one world for all tests of a `describe()`, and returns the way to it. For tables of cases that change nothing another
 * case looks at: to make a world for each of them would take longer than the cases.
 */
export function shareWorld<World>(make: () => Promise<World>): () => World {
  const ends: End[] = [];
  let made: { readonly world: World } | undefined;
  beforeAll(async () => {
    endings = ends;
    try {
      made = { world: await make() };
    } finally {
      endings = undefined;
    }
  });
  afterAll(async () => {
    // The last part first: what began later uses what was there before.
    // oxlint-disable-next-line no-await-in-loop
    for (const end of ends.toReversed()) await end();
  });
  return () => {
    if (!made) throw new Error('the world of these tests is made before the first of them');
    return made.world;
  };
}
