/**
 * How long `vi.waitFor()` and `vi.waitUntil()` look again: nearly as long as a test may take. Their own limit, a second, is less than a
 * busy machine takes for things that it does at once elsewhere.
 */
export const PATIENCE = { timeout: 25_000 };
