// Builds the package unless it is newer than its sources: a build removes `dist/` under whatever runs from it.
import { buildPackage } from '../../test/package/build-package.js';

try {
  await buildPackage(() => process.stdout.write('Building the package. This takes a moment.\n'));
} catch (error) {
  // What the compiler has printed.
  const { stdout = '', message = '' }: { stdout?: string; message?: string } = Object(error);
  process.stderr.write(`${stdout}${message}\n`);
  process.exitCode = 1;
}
