import express5 from 'express';
// Same types, older implementation: what the middlewares use has not changed between the two.
import express4 from 'express4';

/** The Express generations we promise to work with, for `describe.each`. */
export const expressVersions: readonly { name: string; express: typeof express5 }[] = [
  { name: 'Express 5', express: express5 },
  { name: 'Express 4', express: express4 as typeof express5 },
];
