// npm run mutate: see README.md beside this file.
import { measure } from './measure.js';
import { removeRules } from './remove-rules.js';

const [first, ...others] = process.argv.slice(2);
const isGood =
  first === 'rules'
    ? await removeRules(others[0])
    : await measure(
        first === undefined ? ['lib/verifier', 'lib/authenticate'] : [first, ...others],
      );
process.exitCode = isGood ? 0 : 1;
