/** The command line makes no sense; its help would have helped. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
