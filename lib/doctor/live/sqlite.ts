import { accessSync, constants, existsSync, statSync } from 'node:fs';
import path from 'node:path';
import { explainFailure } from '../../stores/failures/store-failure.js';
import { SCHEMA_REVISION } from '../../stores/sql/schema.js';
import { lookIntoSqliteFile } from '../../stores/sqlite/open.js';
import { hasSchema, revisionOf } from '../../stores/sqlite/schema.js';
import { siteOf } from '../../stores/store-site.js';
import type { Finding } from '../finding.js';
import { fail, pass, warn } from './outcomes.js';
import type { Inspection } from './inspection.js';

interface SchemaState {
  readonly isThere: boolean;
  /** Of what is there; 0 also for a schema of releases 0.2 to 0.4. */
  readonly revision: number;
}

/** Looks at a SQLite file, and makes none. */
export async function inspectSqlite(url: string): Promise<Inspection> {
  const file = url.slice('file:'.length);
  const place = placeOf(file);
  if (place !== file) return { findings: [judgeFolder(file, place)], isPrepared: false };
  if (!isWritable(file) || !isWritable(path.dirname(file)))
    return { findings: [unwritable(file)], isPrepared: false };
  const schema = await readSchema(file);
  const findings = [...judgeMode(file), judgeSchema(schema)];
  return { findings, isPrepared: schema.revision >= SCHEMA_REVISION };
}

/** The file itself, or as much of its path as is there. */
function placeOf(file: string): string {
  let place = file;
  while (!existsSync(place) && path.dirname(place) !== place) place = path.dirname(place);
  return place;
}

function isWritable(place: string): boolean {
  try {
    accessSync(place, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function judgeFolder(file: string, place: string): Finding {
  if (statSync(place).isDirectory() && isWritable(place))
    return pass(
      'live_store_schema',
      `there is no ${file} yet: the first request that needs it makes it`,
    );
  return unwritable(file);
}

function unwritable(file: string): Finding {
  return fail('live_store', {
    says: `this process may not write to ${file} or its folder`,
    why: 'SQLite writes further files (-wal, -shm) beside the database',
    fix: 'let the user of the application own the folder, or name another path in AUTH_STORE_URL',
  });
}

async function readSchema(file: string): Promise<SchemaState> {
  try {
    return await lookIntoSqliteFile(file, (database) => ({
      isThere: hasSchema(database),
      revision: revisionOf(database),
    }));
  } catch (error) {
    throw explainFailure(error, siteOf(`file:${file}`));
  }
}

function judgeMode(file: string): readonly Finding[] {
  const isOpen = process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0;
  if (!isOpen) return [];
  return [
    warn('live_store_file', {
      says: `other users of this machine may open ${file}`,
      why: 'it holds users and sessions',
      fix: `chmod 600 ${file}, its -wal and its -shm`,
    }),
  ];
}

function judgeSchema({ isThere, revision }: SchemaState): Finding {
  if (revision >= SCHEMA_REVISION)
    return pass('live_store_schema', 'the tables are those of this release');
  if (!isThere)
    return pass(
      'live_store_schema',
      'there are no tables yet: the first request that needs them makes them',
    );
  return warn('live_store_schema', {
    says: 'the tables are those of an older release',
    why: 'the first request after the next start brings them up to date, which takes seconds for a million sessions; connections were not tried',
    fix: 'start the application, send it GET /status of the router, and run this again',
  });
}
