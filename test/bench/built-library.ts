import type * as Latchkey from 'latchkey';

// Named by its file, because the TypeScript loader resolves `latchkey` to the sources and compiles them in its own
// way. What is measured is what is shipped: the output of `npm run build`.
const entry = new URL('../../dist/index.js', import.meta.url).href;

export const latchkey = (await import(entry)) as typeof Latchkey;
