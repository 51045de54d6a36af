import { openStore } from 'latchkey';
import { storeContract } from 'latchkey/testing';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { createPostgresSchema } from '../../world/postgres-schema.js';
import { isMissing, postgresUrl } from '../../world/services.js';
import { keepTwoOpen } from '../../world/keep-two-open.js';

describe.skipIf(await isMissing('PostgreSQL', postgresUrl))('the PostgreSQL store', () => {
  const schema = createPostgresSchema({ waitsForDisk: false });
  const connections = keepTwoOpen(() => openStore(schema.url));
  beforeAll(() => schema.create());
  afterAll(async () => {
    await connections.close();
    await schema.drop();
  });
  for (const { title, run } of storeContract(connections.open)) it(title, run);
});
