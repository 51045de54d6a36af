import { randomBytes, pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import type Database from 'libsql';

/** A row of the table that passport's tutorial makes: PBKDF2, with a salt of each user's own. */
export interface UserRow {
  readonly id: number;
  readonly username: string;
  readonly hashedPassword: Buffer;
  readonly salt: Buffer;
}

export interface UserTable {
  findById(id: unknown): UserRow | undefined;
  findByName(username: string): UserRow | undefined;
  all(): readonly UserRow[];
  /** Undefined when the name is taken. */
  add(username: string, password: string): Promise<UserRow | undefined>;
}

export function openUserTable(database: Database.Database): UserTable {
  database.exec(
    'CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, username TEXT UNIQUE, hashed_password BLOB, salt BLOB)',
  );
  return {
    findById: (id) => toRow(database.prepare('SELECT * FROM users WHERE id = ?').get(id)),
    findByName: (name) =>
      toRow(database.prepare('SELECT * FROM users WHERE username = ?').get(name)),
    all: () =>
      database
        .prepare('SELECT * FROM users')
        .all()
        .flatMap((row) => toRow(row) ?? []),
    async add(username, password) {
      const salt = randomBytes(16);
      const hash = await hashPassword(password, salt);
      return toRow(
        database
          .prepare(
            'INSERT INTO users (username, hashed_password, salt) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING *',
          )
          .get(username, hash, salt),
      );
    },
  };
}

export function hashPassword(password: string, salt: Buffer): Promise<Buffer> {
  return promisify(pbkdf2)(password, salt, 310_000, 32, 'sha256');
}

function toRow(row: unknown): UserRow | undefined {
  if (typeof row !== 'object' || row === null) return undefined;
  const { id, username, hashed_password: hash, salt }: Record<string, unknown> = { ...row };
  if (typeof id !== 'number' || typeof username !== 'string') return undefined;
  return { id, username, hashedPassword: toBuffer(hash), salt: toBuffer(salt) };
}

/** libsql answers a BLOB as Buffer, and in a list of rows as ArrayBuffer. */
function toBuffer(blob: unknown): Buffer {
  if (blob instanceof ArrayBuffer) return Buffer.from(blob);
  return Buffer.from(blob instanceof Uint8Array ? blob : []);
}
