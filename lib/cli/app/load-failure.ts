/** An application that cannot be loaded, and what to do. The cause, where there is one, is what its module has thrown. */
export class LoadFailure extends Error {
  override readonly name = 'LoadFailure';
}
