/** A command line that cannot be understood. Printed with the help. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
