import { memoryStore } from 'latchkey';
import { storeContract } from 'latchkey/testing';
import { describe, it } from 'vitest';

describe('the memory store', () => {
  // Two connections to a memory are the memory itself, twice.
  const store = memoryStore();
  for (const { title, run } of storeContract(() => store)) it(title, run);
});
