/**
 * Returns a function that does some work once. Calls share an attempt; after one that has failed, the next call makes another: a failure
 * is never the answer to more than those who waited for it.
 *
 * @example
 * const routes = loadOnce(async () => createRoutes(await import('./routes.js')));
 */
export function loadOnce<Result>(work: () => Promise<Result>): () => Promise<Result> {
  let result: Promise<Result> | undefined;
  return () => {
    result ??= work().catch((error: unknown) => {
      result = undefined;
      throw error;
    });
    return result;
  };
}
