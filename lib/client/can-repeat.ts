/** Whether a request can be sent again: a stream has been read by then. Node takes any async iterable as a body. */
export function canRepeat({ body }: RequestInit): boolean {
  return !(body instanceof ReadableStream || Symbol.asyncIterator in Object(body));
}
