import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { openStore } from 'latchkey';
import { storeContract } from 'latchkey/testing';
import { afterAll, describe, it } from 'vitest';
import { createDatabaseFolder } from '../../world/database-folder.js';

describe('the SQLite store', () => {
  const folder = createDatabaseFolder();
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const open = () => openStore(`file:${join(folder, 'auth.db')}`);
  for (const { title, run } of storeContract(open)) it(title, run);
});
