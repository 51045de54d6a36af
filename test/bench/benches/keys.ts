import type { BenchContext } from '../bench.js';
import { newKey } from './new-key.js';
import { outage } from './outage.js';

/** Key endpoints that are down, and keys that are new. */
export async function keys(context: BenchContext): Promise<void> {
  await outage(context);
  await newKey(context);
}
