// Prints the path of the packed package, which the tests use as well.
import { packPackage } from '../../test/package/build-package.js';

process.stdout.write(await packPackage());
