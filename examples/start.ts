import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

// `npm run example <name>` starts one of the folders beside this file.
const [name = ''] = process.argv.slice(2);
const entries = await readdir(import.meta.dirname, { recursive: true });
const names = entries
  .filter((entry) => path.basename(entry) === 'server.ts')
  .map((entry) => path.dirname(entry))
  .toSorted();

if (names.includes(name)) {
  // As a URL, which a path with # or % in it is not, nor one that begins with a drive.
  await import(pathToFileURL(path.join(import.meta.dirname, name, 'server.ts')).href);
} else {
  if (name !== '') {
    console.error(`There is no example ${JSON.stringify(name)}.`);
    process.exitCode = 1;
  }
  console.log(['Choose one: npm run example <name>', ...names].join('\n  '));
}
