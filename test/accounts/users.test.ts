import { randomBytes } from 'node:crypto';
import { createAuth, memoryStore } from 'latchkey';
import { describe, expect, it, onTestFinished } from 'vitest';

function createUsers() {
  const auth = createAuth({
    env: {
      AUTH_PUBLIC_URL: 'http://localhost:3000',
      AUTH_JWT_SECRET: randomBytes(48).toString('base64'),
    },
    store: memoryStore(),
  });
  onTestFinished(() => auth.close());
  return auth.users;
}

describe('a member that users do not have', () => {
  it.each([
    { title: 'a password in place of its hash', member: { password: 'x'.repeat(15) } },
    { title: 'the name of a column', member: { password_hash: '$2b$12$…' } },
  ])('is refused at create(), with what is meant: $title', async ({ member }) => {
    const users = createUsers();
    const created = users.create({ username: 'ada', ...member });
    await expect(created).rejects.toThrow(TypeError);
    await expect(created).rejects.toThrow('passwordHash');
    expect(await users.findByLogin('ada')).toBeUndefined();
  });

  it('is refused at update(), so that a user who is to be disabled does not stay enabled', async () => {
    const users = createUsers();
    const { id } = await users.create({ username: 'ada' });
    const misspelt = { isDisabled: true, roles: ['former'] };
    for (const edit of [misspelt, () => misspelt]) {
      const updated = users.update(id, edit);
      await expect(updated).rejects.toThrow(TypeError);
      await expect(updated).rejects.toThrow('did you mean disabled?');
    }
    expect(await users.findById(id)).toMatchObject({ roles: [], version: 0 });
  });

  it('is none of those that the store keeps: a stored user may be spread', async () => {
    const users = createUsers();
    const { id } = await users.create({ username: 'ada' });
    const updated = await users.update(id, (latest) => ({ ...latest, roles: ['analyst'] }));
    expect(updated).toMatchObject({ id, roles: ['analyst'] });
    expect(await createUsers().create(updated)).toMatchObject({ id, roles: ['analyst'] });
  });
});
