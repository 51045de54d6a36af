import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Instrumenter } from '@stryker-mutator/instrumenter';
import { root } from './run-vitest.js';

export interface GeneratedMutant {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  readonly mutator: string;
  /** Source text, and what stands there under this mutant. */
  readonly original: string;
  readonly replacement: string;
}

const silent = () => undefined;
const never = () => false;
const LOGGER = {
  isTraceEnabled: never,
  isDebugEnabled: never,
  isInfoEnabled: never,
  isWarnEnabled: never,
  isErrorEnabled: never,
  isFatalEnabled: never,
  trace: silent,
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
  fatal: silent,
};

/** Every TypeScript file of a folder, or the file itself, by its path from the root. */
export function sourcesIn(place: string): readonly string[] {
  if (place.endsWith('.ts')) return [place];
  return readdirSync(path.join(root, place), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.posix.join(place, name));
}

/**
 * Writes one copy of the sources that holds every mutant behind a switch. Texts are left alone: no test holds the prose of a message,
 * and codes are a union that the compiler holds.
 */
export async function instrument(
  names: readonly string[],
  folder: string,
): Promise<readonly GeneratedMutant[]> {
  const sources = new Map(names.map((name) => [name, readFileSync(path.join(root, name), 'utf8')]));
  const { files, mutants } = await new Instrumenter(LOGGER).instrument(
    [...sources].map(([name, content]) => ({ name, content, mutate: true })),
    { plugins: null, excludedMutations: ['StringLiteral'], ignorers: [] },
  );
  for (const { name, content } of files) {
    const copy = path.join(folder, name);
    mkdirSync(path.dirname(copy), { recursive: true });
    writeFileSync(copy, content);
  }
  // Those of the excluded kind are listed as well, with a status, and are not in the copy.
  const placed = mutants.filter(({ status }) => status === undefined);
  return placed.map(({ id, fileName, location, mutatorName, replacement }) => ({
    id,
    file: fileName,
    line: location.start.line + 1,
    mutator: mutatorName,
    original: textAt(sources.get(fileName) ?? '', location),
    replacement,
  }));
}

interface Location {
  readonly start: { readonly line: number; readonly column: number };
  readonly end: { readonly line: number; readonly column: number };
}

function textAt(source: string, { start, end }: Location): string {
  const lines = source.split('\n').slice(start.line, end.line + 1);
  const last = lines.length - 1;
  lines[last] = lines[last]?.slice(0, end.column) ?? '';
  lines[0] = lines[0]?.slice(start.column) ?? '';
  return lines.join('\n');
}
