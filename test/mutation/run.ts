// npm run mutate: see README.md beside this file.
import { parseArgs } from 'node:util';
import { measure } from './measure.js';
import { removeRules } from './remove-rules.js';

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string' } },
  allowPositionals: true,
});
const [first, ...others] = positionals;
const isGood =
  first === 'rules'
    ? await removeRules({ text: others[0], seconds: Number(values.seconds ?? Infinity) })
    : await measure(
        first === undefined ? ['lib/verifier', 'lib/authenticate'] : [first, ...others],
      );
process.exitCode = isGood ? 0 : 1;
