import { readdirSync } from 'node:fs';
import path from 'node:path';
import { didYouMean, nearestNames } from '../known-options.js';

/** `; did you mean app.mjs?`, for a file that is not there. Empty where none beside it that matches is spelt alike. */
export function nearestFile(file: string, pattern: RegExp): string {
  const beside = namesIn(path.dirname(file)).filter((name) => pattern.test(name));
  const cure = didYouMean(nearestNames(path.basename(file), beside));
  return cure === undefined ? '' : `; ${cure}`;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
