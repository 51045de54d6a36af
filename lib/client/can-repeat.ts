/** Whether a request can be sent again: a stream has been read by then, a polyfill's too. Node takes any async iterable as a body. */
export function canRepeat({ body }: RequestInit): boolean {
  const { getReader, [Symbol.asyncIterator]: iterate } = Object(body);
  return !(getReader ?? iterate);
}
